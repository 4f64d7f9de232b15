"""An ECU between requests: sessions, S3, and what closes security."""

from typing import Any

import pytest

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.uds.ecu import (
    DEFAULT_SESSION,
    EXTENDED_SESSION,
    PROGRAMMING_SESSION,
    TABLE,
    EcuParams,
    EcuState,
    EndReason,
    SessionEnded,
    SessionState,
    SessionTrigger,
)


def unlocked(session: int = EXTENDED_SESSION, now: float = 0.0) -> EcuState:
    ecu = EcuState()
    ecu.change_session(session, now)
    ecu.security.request_seed(1, now)
    ecu.security.present_key(1, correct=True, now=now)
    return ecu


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("trigger", SessionTrigger)
def test_every_pair_of_the_table(state: SessionState, trigger: SessionTrigger) -> None:
    if (state, trigger) == (SessionState.DEFAULT, SessionTrigger.S3_EXPIRED):
        with pytest.raises(LocalProtocolError, match="S3_EXPIRED"):
            TABLE.step(state, trigger)
        return
    reached = TABLE.step(state, trigger)
    falls_back = trigger in {SessionTrigger.S3_EXPIRED, SessionTrigger.RESET}
    assert reached.name == ("DEFAULT" if falls_back else trigger.name.removeprefix("ENTER_"))


def test_every_state_is_reachable_from_every_other() -> None:
    assert all(TABLE.reachable(state) == set(SessionState) for state in SessionState)


@pytest.mark.parametrize(
    ("session", "state"),
    [
        (0x01, SessionState.DEFAULT),
        (0x02, SessionState.PROGRAMMING),
        (0x03, SessionState.EXTENDED),
        (0x04, SessionState.SAFETY),
        (0x4F, SessionState.SPECIFIC),
        (0x60, SessionState.SPECIFIC),
    ],
)
def test_sessions_by_number(session: int, state: SessionState) -> None:
    ecu = EcuState(EcuParams(sessions=frozenset({1, 2, 3, 4, 0x4F, 0x60})))
    ecu.change_session(session, 0.0)
    assert (ecu.session, ecu.state) == (session, state)
    assert ecu.next_deadline() == (None if session == DEFAULT_SESSION else 5.0)


def test_an_unknown_session_changes_nothing() -> None:
    ecu = unlocked()
    with pytest.raises(RemoteProtocolError) as caught:
        ecu.change_session(0x04, 1.0)
    assert caught.value.code == 0x12
    assert (ecu.session, ecu.security.unlocked, ecu.next_deadline()) == (3, 1, 5.0)


def test_s3_is_exactly_five_seconds_and_closes_everything() -> None:
    ecu = unlocked()
    ecu.handle_deadline(4.999999)
    assert (ecu.session, ecu.security.unlocked, ecu.next_event()) == (3, 1, None)
    ecu.handle_deadline(5.0)
    assert (ecu.session, ecu.state) == (DEFAULT_SESSION, SessionState.DEFAULT)
    assert ecu.security.unlocked is None
    assert ecu.next_event() == SessionEnded(EXTENDED_SESSION, EndReason.S3_EXPIRED)
    assert (ecu.next_event(), ecu.next_deadline()) == (None, None)


def test_requests_keep_the_session_and_s3_stands_still_meanwhile() -> None:
    ecu = unlocked()
    ecu.request_begins(4.0)
    assert ecu.next_deadline() is None
    ecu.handle_deadline(60.0)
    ecu.request_ends(60.0)
    assert (ecu.session, ecu.next_deadline()) == (EXTENDED_SESSION, 65.0)


def test_s3_runs_only_when_the_last_of_several_requests_has_ended() -> None:
    ecu = unlocked()
    ecu.request_begins(1.0)
    ecu.request_begins(1.5)
    ecu.request_ends(2.0)
    assert ecu.next_deadline() is None
    ecu.request_ends(3.0)
    assert ecu.next_deadline() == 8.0


def test_a_session_entered_by_a_request_is_timed_from_its_end() -> None:
    ecu = EcuState()
    ecu.request_begins(0.0)
    ecu.change_session(EXTENDED_SESSION, 0.5)
    assert ecu.next_deadline() is None
    ecu.request_ends(1.0)
    assert ecu.next_deadline() == 6.0


def test_a_request_after_s3_meets_the_default_session_even_if_nobody_looked() -> None:
    ecu = unlocked()
    ecu.request_begins(5.0)
    assert ecu.session == DEFAULT_SESSION
    assert ecu.next_event() == SessionEnded(EXTENDED_SESSION, EndReason.S3_EXPIRED)


def test_every_change_of_session_closes_security() -> None:
    for session in (DEFAULT_SESSION, PROGRAMMING_SESSION, EXTENDED_SESSION):
        ecu = unlocked()
        ecu.change_session(session, 1.0)
        assert (ecu.session, ecu.security.unlocked, ecu.next_event()) == (session, None, None)


def test_a_reset_ends_the_session_but_not_the_delay_of_security() -> None:
    ecu = unlocked()
    for _ in range(3):
        ecu.change_session(EXTENDED_SESSION, 1.0)
        ecu.security.request_seed(1, 1.0)
        with pytest.raises(RemoteProtocolError):
            ecu.security.present_key(1, correct=False, now=1.0)
    ecu.reset(2.0)
    assert ecu.next_event() == SessionEnded(EXTENDED_SESSION, EndReason.RESET)
    assert (ecu.session, ecu.next_deadline()) == (DEFAULT_SESSION, 11.0)
    ecu.reset(3.0)
    assert ecu.next_event() is None
    ecu.handle_deadline(11.0)
    assert ecu.next_deadline() is None


def test_a_request_cannot_end_before_it_begins() -> None:
    with pytest.raises(LocalProtocolError, match="begun"):
        EcuState().request_ends(0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sessions": frozenset({2, 3})},
        {"sessions": frozenset({1, 0x7F})},
        {"sessions": frozenset({1, 0})},
        {"p2": 66.0},
        {"p2_star": 0.0},
        {"s3": 0.0},
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        EcuParams(**wrong)


def test_the_timing_record_is_in_the_units_of_the_standard() -> None:
    assert EcuParams(p2=0.05, p2_star=5.0).timing_record == bytes.fromhex("003201F4")
