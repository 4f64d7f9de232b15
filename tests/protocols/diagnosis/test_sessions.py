from __future__ import annotations

import pytest

from protocols.diagnosis.sessions import OpenedSessions, changed_session, target_name
from protocols.link.messages import ExchangeResponse, ExchangeResult
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget

ENGINE, BODY = CanTarget(0x7E0, 0x7E8), CanTarget(0x70E, 0x778)
POSITIVE = ExchangeResult(1, (ExchangeResponse(0x7E8, b"\x50\x03", 0, 1, 2),))
NEGATIVE = ExchangeResult(1, (ExchangeResponse(0x7E8, b"\x7f\x10\x22", 0, 1, 2),))
SILENT = ExchangeResult(1)
FAILED = ExchangeResult(1, failure="no_response")


@pytest.mark.parametrize(
    ("request_", "result", "session"),
    [
        ("1003", POSITIVE, 3),
        ("1001", POSITIVE, 1),
        ("1003", NEGATIVE, None),
        ("1003", FAILED, None),
        ("1083", SILENT, 3),
        ("1083", NEGATIVE, None),
        ("22F190", POSITIVE, None),
        ("10", POSITIVE, None),
    ],
)
def test_what_changes_a_session(
    request_: str, result: ExchangeResult, session: int | None
) -> None:
    assert changed_session(bytes.fromhex(request_), result) == session


def test_an_opened_session_is_kept_alive_until_it_is_given_back() -> None:
    opened = OpenedSessions()
    opened.saw("s", ENGINE, b"\x10\x03", POSITIVE, 10.0)
    opened.saw("s", BODY, b"\x10\x03", POSITIVE, 10.5)
    assert opened.next_deadline() == 12.0
    assert opened.take_due(11.9) == ()
    assert opened.take_due(12.0) == (ENGINE,)
    assert opened.next_deadline() == 12.5
    assert opened.take_due(14.0) == (ENGINE, BODY)
    assert opened.release("s") == (ENGINE, BODY)
    assert opened.release("s") == ()
    assert opened.next_deadline() is None


def test_work_keeps_a_session_alive_as_tester_present_does() -> None:
    opened = OpenedSessions()
    opened.saw("s", ENGINE, b"\x10\x03", POSITIVE, 10.0)
    opened.saw("s", ENGINE, b"\x22\xf1\x90", POSITIVE, 11.0)
    assert opened.next_deadline() == 13.0
    opened.saw("s", ENGINE, b"\x22\xf1\x90", SILENT, 12.0)
    opened.saw("t", ENGINE, b"\x22\xf1\x90", POSITIVE, 12.0)
    assert opened.next_deadline() == 13.0


def test_back_in_the_default_session_nothing_is_left_to_do() -> None:
    opened = OpenedSessions()
    opened.saw("s", ENGINE, b"\x10\x03", POSITIVE, 10.0)
    opened.saw("s", ENGINE, b"\x10\x02", NEGATIVE, 10.0)
    assert opened.next_deadline() == 12.0
    opened.saw("s", ENGINE, b"\x10\x01", POSITIVE, 11.0)
    opened.saw("s", ENGINE, b"\x10\x01", POSITIVE, 11.0)
    assert opened.next_deadline() is None
    assert opened.release("s") == ()


def test_two_owners_of_one_control_unit_keep_it_alive_once() -> None:
    opened = OpenedSessions()
    for owner in ("s", "t"):
        opened.saw(owner, ENGINE, b"\x10\x03", POSITIVE, 10.0)
    assert opened.take_due(12.0) == (ENGINE,)
    opened.release("s")
    assert opened.release("t") == (ENGINE,)


def test_control_units_have_names_for_people() -> None:
    assert target_name(ENGINE) == "control unit 7E0"
    assert target_name(DoipTarget(0x1001)) == "control unit 1001"
    assert "bus" in target_name(FunctionalTarget())
