from __future__ import annotations

from protocols.diagnosis.transfer_attempts import Attempts, Unlocking
from protocols.diagnosis.transfer_outcome import Carried, Refused, Silent
from protocols.diagnosis.transfer_program import Operation, Part
from protocols.diagnosis.transfer_records import Ask
from protocols.link.jobs import Recovery
from tests.support.transfer_bench import SECURITY, TARGET, download

LOST = Silent("no_response", "")
DATA = Operation(Part.DATA, "transfer data", 0)
BLOCK = Ask(TARGET, b"\x36\x01", operation=DATA)


def test_repeats_have_a_bound_and_the_bus_gets_time() -> None:
    attempts = Attempts(download(repeats=2))
    assert attempts.repeats(BLOCK, LOST)
    assert attempts.pause == 0
    assert attempts.repeats(BLOCK, Silent("transport", ""))
    assert attempts.pause > 0
    assert not attempts.repeats(BLOCK, LOST)


def test_some_things_are_never_repeated() -> None:
    attempts = Attempts(download())
    for request in (b"\x27\x01", b"\x27\x02\x00", b"\x11\x01"):
        assert not attempts.repeats(Ask(TARGET, request), LOST)
    assert not attempts.repeats(BLOCK, Silent("refused", ""))
    assert not attempts.repeats(BLOCK, Refused(0x73, ""))
    assert not attempts.repeats(BLOCK, Carried(b""))


def test_what_counts_as_a_lost_thread() -> None:
    attempts = Attempts(download())
    request = Operation(Part.REQUEST, "request download", 0)
    assert attempts.has_lost_thread(DATA, LOST)
    assert attempts.has_lost_thread(DATA, Refused(0x73, ""))
    assert not attempts.has_lost_thread(DATA, Refused(0x72, "")), "the flash itself fails"
    assert not attempts.has_lost_thread(request, Refused(0x33, "")), "the procedure lacks it"
    attempts.repeats(BLOCK, LOST)
    assert attempts.has_lost_thread(request, Refused(0x33, ""))
    assert not attempts.has_lost_thread(Operation(Part.STEP, "erase", -1), LOST)


def test_restarts_have_a_bound() -> None:
    attempts = Attempts(download(restarts=1))
    assert [attempts.restart(), attempts.restart()] == [True, False]
    assert not Attempts(download(recovery=Recovery.NONE)).restart()


def test_seed_then_key_and_zeros_are_open() -> None:
    unlocking = Unlocking()
    assert unlocking.request(SECURITY) == b"\x27\x01"
    assert not unlocking.opened(SECURITY, b"\x67\x01\x12\x34")
    assert (unlocking.seed, unlocking.level) == (b"\x12\x34", 1)
    unlocking.give(b"\xaa")
    assert unlocking.request(SECURITY) == b"\x27\x02\xaa"
    assert unlocking.opened(SECURITY, b"\x67\x02")
    assert unlocking.opened(SECURITY, b"\x67\x01\x00\x00")
    unlocking.give(b"\xaa")
    unlocking.forget()
    assert unlocking.request(SECURITY) == b"\x27\x01"
