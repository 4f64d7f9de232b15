from __future__ import annotations

from protocols.diagnosis.transfer_debts import Debt, Debts
from protocols.diagnosis.transfer_outcome import Carried, Refused, Silent
from protocols.diagnosis.transfer_restoring import Restoring
from protocols.diagnosis.transfer_state import JobState
from protocols.link.jobs import Step, StepKind
from tests.support.transfer_bench import EVERYBODY, TARGET, download, request

SILENCE, SESSION = Debt(True, b"\x28\x80\x01"), Debt(False, b"\x10\x01")


def restoring(*steps: Step) -> tuple[Restoring, Debts]:
    debts = Debts((SILENCE, SESSION))
    return Restoring(download(), steps, debts, JobState.ABORTED), debts


def test_declared_steps_come_first_then_what_is_open() -> None:
    found, debts = restoring(request("1101"), Step(StepKind.WAIT, wait_ms=250))
    asked = found.next()
    assert asked is not None
    assert (asked.request, asked.target) == (b"\x11\x01", TARGET)
    found.took(asked, Carried(b"\x51\x01"))
    assert found.next() is None
    assert found.wait == 0.25
    for debt, target in ((SILENCE, EVERYBODY), (SESSION, TARGET)):
        asked = found.next()
        assert asked is not None
        assert (asked.request, asked.target) == (debt.request, target)
        debts.settle(debt)
    assert found.next() is None
    assert found.wait == 0
    assert found.trouble() == []


def test_what_cannot_be_closed_does_not_keep_the_rest_from_it() -> None:
    found, debts = restoring(request("1101"))
    asked = found.next()
    assert asked is not None
    found.took(asked, Silent("no_response", "silence"))
    asked = found.next()
    assert asked is not None
    found.took(asked, Refused(0x22, "refused"))
    asked = found.next()
    assert asked is not None
    assert asked.request == SESSION.request
    debts.settle(SESSION)
    assert found.next() is None
    assert found.trouble() == ["11 01: silence", "28 80 01: refused"]


def test_not_in_a_session_is_where_it_should_be() -> None:
    found, debts = restoring()
    asked = found.next()
    assert asked is not None
    found.took(asked, Refused(0x7F, ""))
    assert debts.owed() == (SESSION,)
