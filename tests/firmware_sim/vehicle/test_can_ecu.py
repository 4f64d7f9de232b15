from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import BusGoneError, CanBus, open_bus
from firmware_sim.vehicle.can_ecu import MAX_RESPONSES, CanEcu, ecu_address
from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec, TimingSpec
from firmware_sim.vehicle.record import Hex
from protocols.can.frame import CanFrame
from protocols.isotp.params import IsoTpParams

SPEC = EcuSpec(
    name="x",
    request_id=0x7E0,
    response_id=0x7E8,
    timing=TimingSpec(response=0.002, jitter=0.0),
)


class Broken:
    """An application that fails on its first request."""

    def __init__(self) -> None:
        self.requests = 0

    def handle(
        self, request: bytes, _now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]:
        assert not functional
        self.requests += 1
        if self.requests == 1:
            raise KeyError("a bug")
        return [TimedResponse(5.0, bytes([request[0] + 0x40]))]

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, _now: float) -> None:
        return


@asynccontextmanager
async def running(
    channel: str, application: EcuApplication | Broken, spec: EcuSpec = SPEC
) -> AsyncIterator[tuple[CanBus, CanBus]]:
    """Yield our bus and the ECU's."""
    address = f"virtual:can-ecu-{channel}"
    async with (
        open_bus(address) as ours,
        open_bus(address) as theirs,
        trio.open_nursery() as nursery,
    ):
        ecu = CanEcu(theirs, ecu_address(spec), application, IsoTpParams(padding=0xAA))
        await nursery.start(ecu.run)
        yield ours, theirs
        nursery.cancel_scope.cancel()


async def ask(bus: CanBus, can_id: int, data: str, *, extended: bool = False) -> list[str]:
    """Send one frame and return the frames that come within 100 ms."""
    found = []
    answers = {(0x7E8, False), (0x18DAF110, True)}
    with bus.subscribe(answers) as feed, trio.move_on_after(0.1):
        await bus.send(CanFrame(can_id, bytes.fromhex(data), extended))
        async for frame in feed:
            found.append(frame.data.hex())  # noqa: PERF401 - the loop ends by its time
    return found


async def test_golden_frames_physical_and_functional(autojump_clock: MockClock) -> None:
    async with running("golden", EcuApplication(SPEC, "WVWZZZAUZHP341562", "x")) as (bus, _):
        assert await ask(bus, 0x7E0, "023e000000000000") == ["027e00aaaaaaaaaa"]
        assert await ask(bus, 0x7DF, "023e000000000000") == ["027e00aaaaaaaaaa"]
        assert await ask(bus, 0x7E0, "02ba000000000000") == ["037fba11aaaaaaaa"]
        assert await ask(bus, 0x7DF, "02ba000000000000") == []
        assert await ask(bus, 0x7E1, "023e000000000000") == []
        assert await ask(bus, 0x7DF, "1014000000000000") == []  # functional: single frames only


async def test_29_bit_identifiers(autojump_clock: MockClock) -> None:
    spec = EcuSpec(name="x", request_id=0x18DA10F1, response_id=0x18DAF110, extended=True)
    async with running("wide", EcuApplication(spec, "WVWZZZAUZHP341562", "x"), spec) as (bus, _):
        for can_id in (0x18DA10F1, 0x18DB33F1):
            assert await ask(bus, can_id, "023e00", extended=True) == ["027e00aaaaaaaaaa"]


async def test_s3_runs_by_itself(autojump_clock: MockClock) -> None:
    application = EcuApplication(SPEC, "WVWZZZAUZHP341562", "x")
    async with running("s3", application) as (bus, _):
        await ask(bus, 0x7E0, "021003")
        assert application.unit.session == 3
        await trio.sleep(5)
        assert application.unit.session == 1


async def test_a_bug_in_the_application_leaves_the_ecu_alive(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken()
    async with running("bug", broken) as (bus, _):
        assert await ask(bus, 0x7E0, "023e00") == []
        assert "ECU 7E0 failed on 3e00" in caplog.text
        with bus.subscribe({(0x7E8, False)}) as feed:
            await bus.send(CanFrame(0x7E0, bytes.fromhex("023e00")))
            assert (await feed.receive()).data[:2] == b"\x01\x7e"


async def test_an_ecu_with_too_much_to_say_does_not_listen(autojump_clock: MockClock) -> None:
    broken = Broken()
    async with running("flood", broken) as (bus, _):
        for _number in range(3 * MAX_RESPONSES):
            await bus.send(CanFrame(0x7E0, bytes.fromhex("023e00")))
        await trio.sleep(1)
        assert broken.requests == MAX_RESPONSES + 1


async def test_a_lost_bus_costs_the_answers_of_its_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = EcuApplication(SPEC, "WVWZZZAUZHP341562", "x")
    async with running("lost", application) as (bus, theirs):

        def gone(_frame: CanFrame) -> None:
            raise BusGoneError("pulled")

        with monkeypatch.context() as patch:
            patch.setattr(theirs, "send_nowait", gone)
            assert await ask(bus, 0x7E0, "023e00") == []
        assert await ask(bus, 0x7E0, "023e00") == ["027e00aaaaaaaaaa"]


def test_an_ecu_without_identifiers_has_no_can_address() -> None:
    with pytest.raises(ValueError, match="no CAN identifiers"):
        ecu_address(EcuSpec(name="x", logical_address=1))


async def test_what_the_ecu_sends_by_itself_reaches_the_bus(autojump_clock: MockClock) -> None:
    spec = msgspec.structs.replace(
        SPEC,
        dynamic_identifiers=True,
        identifiers=(IdentifierSpec(id=0x0600, name="coding", hex=Hex(b"\x0c")),),
    )
    application = EcuApplication(spec, "", "seed")
    async with running("periodic", application, spec) as (ours, _):
        with ours.subscribe({(0x7E8, False)}) as feed:
            for request in ("021003", "072c01f20106000101", "032a0201"):
                data = bytes.fromhex(request)
                if len(data) > 8:
                    await ours.send(CanFrame(0x7E0, b"\x10\x08" + data[1:7]))
                    assert (await feed.receive()).data[0] == 0x30
                    data = b"\x21" + data[7:]
                await ours.send(CanFrame(0x7E0, data))
                await feed.receive()
            begun = trio.current_time()
            frames = [await feed.receive() for _ in range(4)]
    assert {frame.data.hex() for frame in frames} == {"036a010caaaaaaaa"}
    assert trio.current_time() - begun == pytest.approx(0.8, abs=0.01)
