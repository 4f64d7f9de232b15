"""Every addressing mode of ISO 15765-2, from an operator's JSON to the frames on the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec
import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.firmware.device import Device, Wiring
from firmware_sim.vehicle.can_ecu import CanEcu
from firmware_sim.vehicle.dialogue import TimedResponse
from gateway.sessions.targets import EcuAddress, to_target
from protocols.can.frame import CanFrame
from protocols.diagnosis.targets import physical_address, target_of
from protocols.isotp.addressing import Endpoint
from protocols.isotp.params import IsoTpParams
from protocols.link.messages import Channel, ExchangeRequest, ExchangeResult, decode_body
from protocols.link.vehicle import BusInfo, EcuInfo, IsoTpOptions

LONG = "22F190" + "00" * 30  # a first frame and consecutive ones, each way
FUNCTIONAL = {
    ("normal", False): Endpoint(0x7DF),
    ("normal", True): Endpoint(0x18DB33F1),
    ("normal_fixed", True): Endpoint(0x18DB33F1),
    ("extended", False): Endpoint(0x6F1, 0xDF),
    ("extended", True): Endpoint(0x80001, 0xDF),
    ("mixed", False): Endpoint(0x7DF, 5),
    ("mixed", True): Endpoint(0x18CD33F1, 5),
}
BYTES = {"target_address": "0x12", "source_address": "0xF1"}
FIXED = EcuInfo("fixed", "can0", 0x18DA12F1, 0x18DAF112, extended=True, mode="normal_fixed")
EXTENDED = EcuInfo("extended", "can0", 0x6F1, 0x612, None, False, "extended", 0x12, 0xF1)
MIXED_11 = EcuInfo("mixed", "can0", 0x7E0, 0x7E8, mode="mixed", address_extension=5)
MIXED_29 = EcuInfo("wide", "can0", 0x18CE12F1, 0x18CEF112, None, True, "mixed", None, None, 5)


class Echo:
    """Answers a read with what was asked."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.functional = False

    def handle(
        self, request: bytes, _now: float, *, functional: bool = False
    ) -> list[TimedResponse]:
        self.requests.append(request)
        self.functional = functional
        return [TimedResponse(0.001, bytes([request[0] + 0x40]) + request[1:])]

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, _now: float) -> None:
        return


class Plug:
    ignition = None

    def voltage(self) -> float | None:
        return None


@dataclass
class Vehicle:
    device: Device
    bus: CanBus
    applications: list[Echo] = field(default_factory=list)

    async def ask(self, request: str = "22F190", **ecu: object) -> ExchangeResult:
        """Ask as an operator would: JSON, the link's bytes, the device."""
        target = to_target(msgspec.convert(ecu, EcuAddress))
        order = ExchangeRequest(1, "s", target, bytes.fromhex(request))
        arrived = decode_body(Channel.EXCHANGE, msgspec.msgpack.encode(order))
        assert isinstance(arrived, ExchangeRequest)
        return await self.device.exchange(1, arrived.target, arrived.request)


@asynccontextmanager
async def vehicle(
    *ecus: EcuInfo, name: str, fd: bool = False, params: IsoTpParams | None = None
) -> AsyncIterator[Vehicle]:
    info = BusInfo("can0", "can-fd" if fd else "can", 500_000, 2_000_000 if fd else 0)
    async with (
        open_bus(f"virtual:{name}", fd=True) as ours,
        open_bus(f"virtual:{name}", fd=True) as theirs,
        trio.open_nursery() as nursery,
    ):
        device = Device(Wiring(buses=(info,), ecus=ecus, can={"can0": ours}, plug=Plug()))
        found = Vehicle(device, theirs)
        for ecu in ecus:
            target, echo = target_of(ecu), Echo()
            assert target is not None
            everybody = FUNCTIONAL[ecu.mode, ecu.extended]
            address = replace(physical_address(target), functional_tx=everybody).mirrored()
            chosen = params or IsoTpParams(max_frame_size=1 << 20)
            await nursery.start(CanEcu(theirs, address, echo, chosen).run)
            found.applications.append(echo)
        yield found
        nursery.cancel_scope.cancel()


MODES = [
    pytest.param(EcuInfo("n", "can0", 0x7E0, 0x7E8), {"request_id": 0x7E0, "response_id": 0x7E8}),
    pytest.param(
        EcuInfo("w", "can0", 0x123456, 0x654321, extended=True),
        {"request_id": 0x123456, "response_id": 0x654321},
    ),
    pytest.param(FIXED, {"addressing": "normal_fixed", **BYTES}),
    pytest.param(
        EXTENDED, {"addressing": "extended", "request_id": 0x6F1, "response_id": 0x612, **BYTES}
    ),
    pytest.param(
        msgspec.structs.replace(EXTENDED, request_id=0x80001, response_id=0x80002, extended=True),
        {"addressing": "extended", "request_id": 0x80001, "response_id": 0x80002, **BYTES},
    ),
    pytest.param(
        MIXED_11,
        {
            "addressing": "mixed",
            "request_id": 0x7E0,
            "response_id": 0x7E8,
            "address_extension": 5,
        },
    ),
    pytest.param(MIXED_29, {"addressing": "mixed", "address_extension": 5, **BYTES}),
]


@pytest.mark.parametrize(("ecu", "body"), MODES)
async def test_one_control_unit_in_every_mode(
    autojump_clock: MockClock, ecu: EcuInfo, body: dict[str, object]
) -> None:
    async with vehicle(ecu, name=f"mode-{ecu.mode}-{ecu.request_id}") as car:
        with car.bus.monitor() as seen:
            result = await car.ask(LONG, **body)
        ids = {(frame.id, frame.extended) for frame in seen.take_nowait()}
    assert result.failure == ""
    assert [it.data.hex().upper() for it in result.responses] == ["62" + LONG[2:]]
    assert result.responses[0].source == ecu.response_id
    assert ids == {(ecu.request_id, ecu.extended), (ecu.response_id, ecu.extended)}


@pytest.mark.parametrize(
    ("ecus", "body", "sources"),
    [
        ((EcuInfo("n", "can0", 0x7E0, 0x7E8),), {}, [0x7E8]),
        ((FIXED,), {}, [0x18DAF112]),
        (
            (FIXED, msgspec.structs.replace(FIXED, request_id=0x18DA40F1, response_id=0x18DAF140)),
            {"addressing": "normal_fixed", "target_address": 0x33, "source_address": 0xF1},
            [0x18DAF112, 0x18DAF140],
        ),
        (
            (EXTENDED,),
            {
                "addressing": "extended",
                "request_id": 0x6F1,
                "target_address": 0xDF,
                "source_address": 0xF1,
            },
            [0x612],
        ),
        (
            (MIXED_11,),
            {"addressing": "mixed", "request_id": 0x7DF, "address_extension": 5},
            [0x7E8],
        ),
        (
            (MIXED_29,),
            {
                "addressing": "mixed",
                "target_address": 0x33,
                "source_address": 0xF1,
                "address_extension": 5,
            },
            [0x18CEF112],
        ),
    ],
)
async def test_everybody_in_every_mode(
    autojump_clock: MockClock,
    ecus: tuple[EcuInfo, ...],
    body: dict[str, object],
    sources: list[int],
) -> None:
    async with vehicle(*ecus, name=f"all-{len(ecus)}-{sources[0]}") as car:
        result = await car.ask("22F190", functional=True, **body)
    assert result.failure == ""
    assert sorted(it.source for it in result.responses) == sources
    assert all(application.functional for application in car.applications)


async def test_what_the_table_says_of_a_control_unit_holds_unless_the_request_says_otherwise(
    autojump_clock: MockClock,
) -> None:
    engine = EcuInfo("engine", "can0", 0x7E0, 0x7E8, isotp=IsoTpOptions(fd=False))
    async with vehicle(engine, name="options", fd=True) as car:

        async def frame(**body: object) -> CanFrame:
            with car.bus.subscribe({(0x7E0, False)}) as feed:
                await car.ask("3E00", request_id=0x7E0, response_id=0x7E8, **body)
                return await feed.receive()

        assert not (await frame()).fd
        wide = await frame(fd=True, brs=False, padding=0x55)
        assert (wide.fd, wide.brs, wide.data.hex()) == (True, False, "023e005555555555")
        short = await frame(padding="none")
        assert short.data.hex() == "023e00"


@pytest.mark.parametrize(("tx_dl", "longest"), [(8, 8), (24, 24), (64, 64)])
async def test_can_fd_frames_are_as_long_as_asked_for(
    autojump_clock: MockClock, tx_dl: int, longest: int
) -> None:
    async with vehicle(EcuInfo("e", "can0", 0x7E0, 0x7E8), name=f"dl{tx_dl}", fd=True) as car:
        with car.bus.subscribe({(0x7E0, False)}) as feed:
            result = await car.ask(
                "2E0600" + "11" * 300, request_id=0x7E0, response_id=0x7E8, fd=True, tx_dl=tx_dl
            )
            frames = feed.take_nowait()
    assert result.failure == ""
    assert max(len(frame.data) for frame in frames) == longest
    assert all(frame.fd and frame.brs for frame in frames)


async def test_can_fd_on_a_classic_bus_is_refused(autojump_clock: MockClock) -> None:
    async with vehicle(EcuInfo("e", "can0", 0x7E0, 0x7E8), name="classic") as car:
        result = await car.ask("3E00", request_id=0x7E0, response_id=0x7E8, fd=True)
    assert (result.failure, "classic CAN only" in result.detail) == ("refused", True)


@pytest.mark.slow
async def test_more_than_4095_bytes_each_way(autojump_clock: MockClock) -> None:
    request = "2E0600" + "5A" * 70_000
    async with vehicle(EcuInfo("e", "can0", 0x7E0, 0x7E8), name="escape") as car:
        with car.bus.subscribe({(0x7E0, False)}, 20_000) as feed:
            result = await car.ask(request, request_id=0x7E0, response_id=0x7E8)
            first = feed.take_nowait()[0]
    assert first.data.hex() == "100000011173" + "2e06"
    assert result.responses[0].data == bytes.fromhex("6E" + request[2:])


async def test_an_ecu_that_cannot_take_so_much_says_overflow(autojump_clock: MockClock) -> None:
    small = IsoTpParams(max_frame_size=100)
    async with vehicle(EcuInfo("e", "can0", 0x7E0, 0x7E8), name="overflow", params=small) as car:
        result = await car.ask("2E0600" + "11" * 200, request_id=0x7E0, response_id=0x7E8)
    assert result.failure == "transport"
    assert "N_BUFFER_OVFLW" in result.detail


async def test_block_size_and_separation_time_are_asked_of_the_control_unit(
    autojump_clock: MockClock,
) -> None:
    async with vehicle(EcuInfo("e", "can0", 0x7E0, 0x7E8), name="blocks") as car:
        with car.bus.subscribe({(0x7E0, False)}) as feed:
            began = trio.current_time()
            result = await car.ask(
                LONG, request_id=0x7E0, response_id=0x7E8, block_size=2, stmin=20
            )
            took = trio.current_time() - began
            controls = [it.data.hex() for it in feed.take_nowait() if it.data[0] >> 4 == 3]
    assert result.failure == ""
    assert controls[-2:] == ["300214cccccccccc"] * 2
    assert took >= 0.02 * 2
