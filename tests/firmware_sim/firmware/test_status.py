from __future__ import annotations

from firmware_sim.firmware.status import VehicleStatus
from protocols.diagnosis.identification import READ_VIN
from protocols.link.vehicle import CanTarget, Target
from protocols.uds.outcome import ExchangeFailure, FailureReason, Finished, UdsResponse

ENGINE, BODY = CanTarget(0x7E0, 0x7E8), CanTarget(0x70E, 0x778)
VIN = b"WVWZZZAUZHP341562"


class Plug:
    def __init__(self) -> None:
        self.ignition = True
        self.volts = 12.34

    def voltage(self) -> float:
        return self.volts


class Answers:
    """Answers by control unit, and remembers who was asked."""

    def __init__(self, answers: dict[Target, bytes]) -> None:
        self.answers = answers
        self.asked: list[Target] = []

    async def __call__(self, target: Target, request: bytes) -> Finished:
        assert request == READ_VIN
        self.asked.append(target)
        return outcome(self.answers.get(target))


def outcome(payload: bytes | None) -> Finished:
    if payload is None:
        return Finished((), ExchangeFailure(FailureReason.NO_RESPONSE, "silent"))
    return Finished((UdsResponse(1, payload, 0, 0.0, 0.0),), None)


async def test_the_number_is_read_once_and_again_after_it_was_written() -> None:
    answers = Answers({ENGINE: b"\x62\xf1\x90" + VIN})
    status = VehicleStatus(Plug(), [ENGINE, BODY], answers)
    report = await status.report()
    assert await status.report() == report
    assert (report.vin, report.voltage_mv, report.ignition) == (VIN.decode(), 12300, True)
    assert answers.asked == [ENGINE]
    status.saw(outcome(b"\x62\xf1\x90" + VIN))
    status.saw(outcome(b"\x6e\xf1\x90"))
    answers.answers[ENGINE] = b"\x62\xf1\x90" + VIN[:-1] + b"3"
    assert (await status.report()).vin == "WVWZZZAUZHP341563"
    assert answers.asked == [ENGINE, ENGINE]


async def test_the_next_control_unit_is_asked_where_one_does_not_tell() -> None:
    for refusal in (None, b"\x7f\x22\x31"):
        answers = Answers({BODY: b"\x62\xf1\x90" + VIN})
        if refusal is not None:
            answers.answers[ENGINE] = refusal
        report = await VehicleStatus(Plug(), [ENGINE, BODY], answers).report()
        assert report.vin == VIN.decode()
        assert answers.asked == [ENGINE, BODY]


async def test_a_number_nobody_tells_is_asked_for_again() -> None:
    answers = Answers({})
    status = VehicleStatus(Plug(), [ENGINE], answers)
    assert (await status.report()).vin is None
    assert (await status.report()).vin is None
    assert answers.asked == [ENGINE, ENGINE]


async def test_with_the_ignition_off_nobody_is_asked() -> None:
    plug, answers = Plug(), Answers({})
    plug.ignition = False
    report = await VehicleStatus(plug, [ENGINE], answers).report()
    assert (report.vin, report.ignition) == (None, False)
    assert answers.asked == []


async def test_small_moves_of_the_voltage_are_not_news() -> None:
    plug = Plug()
    status = VehicleStatus(plug, [], Answers({}))
    before = await status.report()
    plug.volts = 12.31
    assert await status.report() == before


async def test_what_cannot_be_measured_is_not_told_and_keeps_nobody_from_asking() -> None:
    class Unmeasured:
        ignition = None

        def voltage(self) -> None:
            return None

    answers = Answers({ENGINE: b"\x62\xf1\x90" + VIN})
    report = await VehicleStatus(Unmeasured(), [ENGINE], answers).report()
    assert (report.vin, report.voltage_mv, report.ignition) == (VIN.decode(), None, None)
