from __future__ import annotations

from protocols.diagnosis.patience import REMEMBERED, Patience
from protocols.link.vehicle import CanTarget
from protocols.uds.outcome import Finished, UdsResponse
from protocols.uds.policy import ExchangePolicy

FIRST = ExchangePolicy(margin=0.05)
ENGINE, BODY = CanTarget(0x7E0, 0x7E8), CanTarget(0x70E, 0x778)
EXTENDED = b"\x10\x03"
#: P2 25 ms, P2* 5000 ms.
CHANGED = bytes.fromhex("5003001901F4")


def outcome(*answers: bytes) -> Finished:
    responses = tuple(UdsResponse(0x7E8 + n, it, 0, 1.0, 2.0) for n, it in enumerate(answers))
    return Finished(responses, None)


def test_the_times_an_ecu_states_are_its_own() -> None:
    patience = Patience(FIRST)
    patience.saw(ENGINE, EXTENDED, outcome(CHANGED))
    assert patience.of(ENGINE).p2 == 0.025
    assert patience.of(ENGINE).margin == FIRST.margin
    assert patience.of(BODY) == FIRST


def test_other_answers_state_nothing() -> None:
    patience = Patience(FIRST)
    for request, told in [
        (b"\x22\x10\x03", outcome(CHANGED)),
        (EXTENDED, outcome(b"\x7f\x10\x22")),
        (EXTENDED, outcome(CHANGED, CHANGED)),
        (EXTENDED, outcome()),
    ]:
        patience.saw(ENGINE, request, told)
    assert len(patience._stated) == 0


def test_a_longer_way_widens_the_margin_alone() -> None:
    policy = Patience(FIRST).of(ENGINE, more_margin=0.2)
    assert (policy.margin, policy.p2) == (0.25, FIRST.p2)


def test_what_is_remembered_is_bounded_and_the_oldest_gives_way() -> None:
    patience = Patience(FIRST)
    patience.saw(ENGINE, EXTENDED, outcome(CHANGED))
    for number in range(REMEMBERED - 1):
        patience.saw(CanTarget(number, 0x7FF), EXTENDED, outcome(CHANGED))
    patience.saw(ENGINE, EXTENDED, outcome(CHANGED))
    patience.saw(BODY, EXTENDED, outcome(CHANGED))
    assert len(patience._stated) == REMEMBERED
    assert patience.of(ENGINE) != FIRST
    assert patience.of(CanTarget(0, 0x7FF)) == FIRST
