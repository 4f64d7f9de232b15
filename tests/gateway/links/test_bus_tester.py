from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import Unavailable
from gateway.links import bus_tester
from gateway.links.bus_tester import EVERYTHING, OBD_ANSWERS, BusTester, interrupted
from gateway.links.monitors import FrameFeed
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.filters import CanFilter, FilterSet
from protocols.can.frame import CanFrame
from protocols.diagnosis.route import CanRoute
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import FrameFilter
from protocols.uds.outcome import FailureReason
from protocols.uds.policy import ExchangePolicy

POLICY = ExchangePolicy(p2=0.05, margin=0.05)
READ_VIN = b"\x22\xf1\x90"
ANSWER = bytes.fromhex("0462F190AA")


def route_to(request: int, response: int) -> CanRoute:
    return CanRoute("can0", (IsoTpAddress.normal_11(request, response),), functional=False)


ENGINE = route_to(0x7E0, 0x7E8)


class Carrier:
    """Carries frames to ECUs that answer at once, or after a while; one monitor at a time."""

    def __init__(self) -> None:
        self.listened: list[tuple[FrameFilter, ...]] = []
        self.written: list[bytes] = []
        self.feed: FrameFeed | None = None
        self.delay = 0.0
        self.gone = False
        self.sizes: list[int] = []

    @contextmanager
    def listen(self, bus: str, filters: tuple[FrameFilter, ...] = ()) -> Iterator[FrameFeed]:
        assert (bus, self.feed) == ("can0", None)
        self.listened.append(filters)
        self.feed = FrameFeed(bus, filters)
        try:
            yield self.feed
        finally:
            self.feed = None

    async def write_frames(self, batch: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.gone:
            raise interrupted()
        decoded = decode_batch(batch)
        assert decoded.bus == 3
        self.sizes.append(len(decoded.frames))
        if self.delay:
            await trio.sleep(self.delay)
        for frame in decoded.frames:
            self.written.append(frame.data)
            if frame.data[:2] == b"\x03\x22":
                self.hear(CanFrame(frame.id + 8, ANSWER))

    def hear(self, frame: CanFrame) -> None:
        if self.feed is not None:
            rules = FilterSet(CanFilter(it.id, it.mask, it.extended) for it in self.feed.filters)
            if rules.matches(frame):
                self.feed.put(encode_batch(3, [frame]))


@asynccontextmanager
async def running(
    carrier: Carrier, known: tuple[tuple[int, bool], ...] = ()
) -> AsyncIterator[BusTester]:
    tester = BusTester(carrier, "can0", 3, IsoTpParams(), known)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tester.run)
        yield tester
        nursery.cancel_scope.cancel()


async def test_it_listens_from_the_first_exchange_until_it_rests(
    autojump_clock: MockClock,
) -> None:
    carrier = Carrier()
    async with running(carrier, ((0x7E8, False), (0x612, False))) as tester:
        await trio.sleep(1)
        assert carrier.listened == []
        for _ in range(2):
            assert (await tester.exchange(ENGINE, READ_VIN, POLICY)).failure is None
        assert carrier.listened == [(*OBD_ANSWERS, FrameFilter(0x612, 0x7FF))]
        tester.rest()
        await trio.sleep(1)
        assert carrier.feed is None
        assert (await tester.exchange(ENGINE, READ_VIN, POLICY)).failure is None
        assert len(carrier.listened) == 2


async def test_identifiers_are_added_only_while_nothing_is_under_way(
    autojump_clock: MockClock,
) -> None:
    carrier = Carrier()
    ended: list[str] = []

    async def ask(name: str, route: CanRoute) -> None:
        await tester.exchange(route, READ_VIN, POLICY)
        ended.append(name)

    async with running(carrier) as tester:
        async with trio.open_nursery() as nursery:
            silent = CanRoute("can0", (IsoTpAddress.normal_11(0x7E1, 0x7EF),), functional=False)
            nursery.start_soon(ask, "silent", silent)
            await trio.sleep(0.01)
            nursery.start_soon(ask, "strange", route_to(0x600, 0x608))
            await trio.sleep(0.01)
            nursery.start_soon(ask, "engine", ENGINE)  # must not keep the strange one waiting
            await trio.sleep(0.01)
            assert len(carrier.listened) == 1
        assert ended[0] == "silent"
        assert len(carrier.listened) == 2
        assert carrier.listened[1] == (*OBD_ANSWERS, FrameFilter(0x608, 0x7FF))


async def test_whoever_asks_very_many_hears_the_whole_bus(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_tester, "MAX_FILTERS", 4)
    carrier = Carrier()
    async with running(carrier) as tester:
        for number in range(6):
            outcome = await tester.exchange(
                route_to(0x600 + number, 0x608 + number), READ_VIN, POLICY
            )
            assert outcome.failure is None
    assert carrier.listened[-1] == EVERYTHING
    assert len(carrier.listened) == 3


async def test_p2_begins_when_the_link_has_taken_the_frame(autojump_clock: MockClock) -> None:
    carrier = Carrier()
    carrier.delay = 5.0
    async with running(carrier) as tester:
        began = trio.current_time()
        outcome = await tester.exchange(route_to(0x7E1, 0x7EF), READ_VIN, POLICY)
        assert outcome.failure is not None
        assert trio.current_time() - began == pytest.approx(5.1)


async def test_a_long_request_travels_in_batches(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_tester, "BATCH", 8)
    carrier = Carrier()
    async with running(carrier) as tester, trio.open_nursery() as nursery:

        async def ask() -> None:
            outcome = await tester.exchange(ENGINE, b"\x2e\x06\x00" + bytes(137), POLICY)
            assert outcome.failure is None

        nursery.start_soon(ask)
        await trio.sleep(0.1)
        carrier.hear(CanFrame(0x7E8, b"\x30\x00\x00"))
        await trio.sleep(0.01)
        assert carrier.sizes == [1, 8, 8, 4]
        carrier.hear(CanFrame(0x7E8, b"\x03\x6e\x06\x00"))


async def test_an_interrupted_link_is_a_transport_failure(autojump_clock: MockClock) -> None:
    carrier = Carrier()
    async with running(carrier) as tester:
        carrier.gone = True
        outcome = await tester.exchange(ENGINE, READ_VIN, POLICY)
        assert outcome.failure is not None
        assert outcome.failure.reason is FailureReason.TRANSPORT
        carrier.gone = False
        assert (await tester.exchange(ENGINE, READ_VIN, POLICY)).failure is None


async def test_its_end_fails_what_runs_what_waits_and_what_comes(
    autojump_clock: MockClock,
) -> None:
    carrier = Carrier()
    reasons: list[FailureReason] = []

    async def ask() -> None:
        outcome = await tester.exchange(route_to(0x7E1, 0x7EF), READ_VIN, POLICY)
        assert outcome.failure is not None
        reasons.append(outcome.failure.reason)

    async def ask_a_strange_one() -> None:
        with pytest.raises(Unavailable):
            await tester.exchange(route_to(0x600, 0x608), READ_VIN, POLICY)

    async with trio.open_nursery() as askers, running(carrier) as tester:
        for _ in range(3):
            askers.start_soon(ask)
        await trio.sleep(0.01)
        askers.start_soon(ask_a_strange_one)
        await trio.sleep(0.01)
        began = trio.current_time()
    assert trio.current_time() == began
    assert reasons == [FailureReason.TRANSPORT] * 3
    with pytest.raises(Unavailable):
        await tester.exchange(ENGINE, READ_VIN, POLICY)
    assert carrier.feed is None


async def test_who_goes_away_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    carrier = Carrier()
    async with running(carrier) as tester:
        with trio.move_on_after(0.01):
            await tester.exchange(route_to(0x7E1, 0x7EF), READ_VIN, POLICY)
        assert (len(tester._machine), tester._waiting) == (0, {})
        with pytest.raises(LocalProtocolError):
            await tester.exchange(ENGINE, b"", POLICY)
        assert (await tester.exchange(ENGINE, READ_VIN, POLICY)).failure is None


async def test_a_batch_that_is_none_is_the_connectors_fault(autojump_clock: MockClock) -> None:
    carrier = Carrier()
    tester = BusTester(carrier, "can0", 3, IsoTpParams())

    async def ask() -> None:
        outcome = await tester.exchange(route_to(0x7E1, 0x7EF), READ_VIN, POLICY)
        assert outcome.failure is not None

    with pytest.RaisesGroup(RemoteProtocolError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tester.run)
            nursery.start_soon(ask)
            await trio.sleep(0.01)
            assert carrier.feed is not None
            carrier.feed.put(encode_batch(3, [CanFrame(1, b"\x01")]) + b"\x00")
