"""A recorded ECU says again what it said once."""

from __future__ import annotations

import pytest

from firmware_sim.vehicle.recorded_ecu import LONGEST, WITHIN_P2, RecordedEcu, Spoken

READ = bytes.fromhex("22F187")
VIN = "WVWZZZAUZHP341562"


@pytest.fixture
def ecu() -> RecordedEcu:
    return RecordedEcu(0x1001, VIN)


def said(ecu: RecordedEcu, request: str, *, functional: bool = False) -> list[str]:
    responses = ecu.handle(bytes.fromhex(request), 0.0, functional=functional)
    return [response.payload.hex() for response in responses]


def test_answers_come_in_their_order_and_the_last_one_stays(ecu: RecordedEcu) -> None:
    for data in ("62f18701", "62f18702"):
        ecu.learn(READ, Spoken(bytes.fromhex(data), 0.01), functional=False)
    assert [said(ecu, "22F187") for _ in range(3)] == [["62f18701"], ["62f18702"], ["62f18702"]]
    assert len(ecu) == 1


def test_what_was_never_asked_is_refused_as_not_supported(ecu: RecordedEcu) -> None:
    assert said(ecu, "3101FF00") == ["7f3111"]
    assert said(ecu, "3101FF00", functional=True) == []
    assert said(ecu, "") == []


def test_connectors_own_questions_are_answered(ecu: RecordedEcu) -> None:
    assert said(ecu, "3E00") == ["7e00"]
    assert said(ecu, "3E80") == []
    assert said(ecu, "22F190") == ["62f190" + VIN.encode().hex()]


def test_an_answer_to_everybody_serves_a_physical_request_too(ecu: RecordedEcu) -> None:
    ecu.learn(b"\x10\x03", Spoken(bytes.fromhex("5003003201F4")), functional=True)
    assert said(ecu, "1003") == ["5003003201f4"]
    assert said(ecu, "1003", functional=True) == ["5003003201f4"]


def test_silence_is_repeated_too(ecu: RecordedEcu) -> None:
    ecu.learn(b"\x11\x01", Spoken(None), functional=False)
    assert said(ecu, "1101") == []
    assert (ecu.next_deadline(), ecu.handle_deadline(1.0)) == (None, [])


@pytest.mark.parametrize(("took", "pending"), [(0.2, 0), (3.0, 2), (1e9, 1), (-5.0, 1), (0.01, 3)])
def test_timing_keeps_to_the_standard_whatever_was_recorded(took: float, pending: int) -> None:
    responses = Spoken(b"\x71\x01", took, pending).responses(0x31)
    delays = [response.delay for response in responses]
    assert delays == sorted(delays)
    assert 0 <= delays[0] <= WITHIN_P2
    assert delays[-1] <= LONGEST
    assert [r.payload for r in responses[:-1]] == [b"\x7f\x31\x78"] * pending
    assert responses[-1].payload == b"\x71\x01"
