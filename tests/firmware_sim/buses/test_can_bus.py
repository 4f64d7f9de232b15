from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import can
import pytest
import trio
from can.interfaces import BACKENDS
from typing_extensions import override

from firmware_sim.buses import can_bus
from firmware_sim.buses.address import BusAddress
from firmware_sim.buses.can_bus import (
    BusBusyError,
    BusGoneError,
    BusSilentError,
    CanBus,
    open_bus,
)
from firmware_sim.buses.settings import BusSettings
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame
from tests.firmware_sim.buses.socket_bus import SocketBus, register

REQUEST = CanFrame(0x7E0, bytes.fromhex("0322F190CCCCCCCC"))


async def wait_for_state(bus: CanBus, *, up: bool) -> None:
    while bus.statistics().up is not up:  # noqa: ASYNC110 - a real bus tells nobody
        await trio.sleep(0.001)


@pytest.fixture(params=["descriptor", "thread"])
def interface(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    register(monkeypatch)
    monkeypatch.setattr(SocketBus, "readable", request.param == "descriptor")
    monkeypatch.setattr(SocketBus, "peers", {})
    monkeypatch.setattr("firmware_sim.buses.ports.THREAD_POLL", 0.01)
    yield "pair:line"
    for peer in SocketBus.peers.values():
        peer.close()


async def peer_reads() -> tuple[int, bytes]:
    peer = SocketBus.peers["line"]
    await trio.lowlevel.wait_readable(peer)
    can_id, data = pickle.loads(peer.recv(1000))
    return can_id, data


def peer_sends(can_id: int, data: bytes) -> None:
    SocketBus.peers["line"].send(pickle.dumps((can_id, data)))


async def test_two_virtual_buses_talk_on_virtual_time(autojump_clock: trio.abc.Clock) -> None:
    async with open_bus("virtual:talk") as left, open_bus("virtual:talk") as right:
        with right.subscribe({(0x7E0, False)}) as feed, left.monitor() as seen:
            await left.send(REQUEST)
            assert (await feed.receive()).data == REQUEST.data
            assert [frame.id for frame in seen.take_nowait()] == [0x7E0]
        with trio.move_on_after(3600) as scope, right.subscribe({(0x7E0, False)}) as quiet:
            await quiet.receive()
        assert scope.cancelled_caught
    assert left.statistics().sent == 1
    assert right.statistics().received == 1


@pytest.mark.slow
async def test_an_interface_outside_sends_and_receives(interface: str) -> None:
    async with open_bus(interface) as bus:
        with bus.subscribe({(0x7E8, False)}) as feed:
            await bus.send(REQUEST)
            assert await peer_reads() == (0x7E0, REQUEST.data)
            peer_sends(0x7E8, b"\x01")
            frame = await feed.receive()
    now = can_bus.monotonic_us()
    assert (frame.id, frame.data) == (0x7E8, b"\x01")
    assert now - 1_000_000 < frame.timestamp_us <= now


@pytest.mark.slow
async def test_a_lost_bus_is_said_and_comes_back_with_its_subscriptions(
    interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(can_bus, "REOPEN_PAUSE", (0.01, 0.02))
    async with open_bus(interface) as bus:
        with bus.subscribe({(0x7E8, False)}) as feed:
            old = SocketBus.peers.pop("line")
            old.close()
            with trio.fail_after(20):
                await wait_for_state(bus, up=False)
                with pytest.raises(BusGoneError, match=r"pair:line is down"):
                    await bus.send(REQUEST)
                await wait_for_state(bus, up=True)
                peer_sends(0x7E8, b"\x02")
                assert (await feed.receive()).data == b"\x02"
    assert bus.statistics().reopened == 1


@pytest.mark.slow
async def test_a_full_transmit_buffer_is_waited_for(
    interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bus(interface) as bus:
        monkeypatch.setattr(SocketBus, "full", True)
        with pytest.raises(BusBusyError):
            bus.send_nowait(REQUEST)
        with trio.move_on_after(0.01) as scope:
            await bus.send(REQUEST)
        assert scope.cancelled_caught
        monkeypatch.setattr(SocketBus, "full", False)
        await bus.send(REQUEST)
        assert (await peer_reads())[0] == 0x7E0


async def test_a_bus_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    with pytest.raises(BusGoneError, match="cannot be opened"):
        async with open_bus("pair:absent"):
            pytest.fail("must not open")
    with pytest.raises(BusGoneError, match="cannot be opened"):
        async with open_bus("no_such_interface:x"):
            pytest.fail("must not open")


@pytest.mark.parametrize(
    "text", ["", "virtual", "virtual:", ":demo", "pair:x?", "pair:x?speed", "?a=b"]
)
def test_what_names_no_bus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="INTERFACE:CHANNEL"):
        BusAddress.parse(text)


def test_a_channel_may_hold_colons() -> None:
    assert BusAddress.parse("udp_multicast:ff15::1") == BusAddress("udp_multicast", "ff15::1")


def test_an_address_has_options_as_a_url_has() -> None:
    address = BusAddress.parse("vector:0?app_name=a%20b&poll=0x10&rx=false&empty=")
    assert (address.interface, address.channel) == ("vector", "0")
    assert dict(address.options) == {"app_name": "a b", "poll": 16, "rx": False, "empty": ""}


@pytest.mark.slow
async def test_an_interface_gets_its_options(interface: str) -> None:
    async with open_bus(f"{interface}?speed=7", bitrate=500_000) as bus:
        assert bus.statistics().up
        port = bus._port
        assert port is not None
        assert port._bus.options == {"speed": 7, "bitrate": 500_000}  # type: ignore[attr-defined]


async def test_an_option_that_cannot_be_is_a_bus_that_cannot_be_opened() -> None:
    with pytest.raises(BusGoneError, match="cannot be opened"):
        async with open_bus("udp_multicast:239.0.0.1?channel=twice"):
            pytest.fail("must not open")


class _Broken(can.BusABC):
    """An interface of a test: each bus lives until ``broken`` has its error."""

    broken: ClassVar[BaseException | None] = None
    opened: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, channel: str, **options: Any) -> None:
        if options.get("bitrate") == 1:
            raise can.CanInitializationError("no such rate")
        self.opened.append(options)
        super().__init__(channel, **options)

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        del msg, timeout
        if _Broken.broken is not None:
            raise _Broken.broken

    @override
    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if _Broken.broken is not None:
            raise _Broken.broken
        threading.Event().wait(min(timeout or 0.0, 0.001))
        return None, False

    @override
    def shutdown(self) -> None:
        super().shutdown()
        if _Broken.broken is not None:
            raise can.CanOperationError("already gone")


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(BACKENDS, "flaky", (__name__, "_Broken"))
    monkeypatch.setattr("can.util.VALID_INTERFACES", frozenset(BACKENDS))
    monkeypatch.setattr(_Broken, "broken", None)
    monkeypatch.setattr(_Broken, "opened", [])
    monkeypatch.setattr(can_bus, "REOPEN_PAUSE", (0.005, 0.01))
    return "flaky:x"


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [
        can.CanOperationError("network is down", 100),
        can.CanError("adapter pulled", 19),
        OSError(19, "No such device"),
        RuntimeError("the driver is confused"),
    ],
)
async def test_whatever_breaks_a_bus_is_told_and_survived(flaky: str, error: Exception) -> None:
    reasons: list[str] = []
    async with open_bus(flaky) as bus:
        bus.when_lost(reasons.append)
        with trio.fail_after(20):
            _Broken.broken = error
            await bus.wait_changed()
            assert not bus.is_up
            assert bus.fault in reasons
            with pytest.raises(BusGoneError, match="is down"):
                bus.send_nowait(REQUEST)
            _Broken.broken = None
            await bus.wait_changed()
            assert (bus.is_up, bus.fault) == (True, "")
            bus.send_nowait(REQUEST)
        assert len(reasons) == 1


@pytest.mark.slow
async def test_a_bus_that_cannot_send_is_opened_again_though_it_reads(
    flaky: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object, _message: object, timeout: float | None = None) -> None:
        raise can.CanOperationError("bus off", 5)

    async with open_bus(flaky) as bus:
        with monkeypatch.context() as patched:
            patched.setattr(_Broken, "send", fail)
            with pytest.raises(BusGoneError, match="bus off"):
                bus.send_nowait(REQUEST)
        with trio.fail_after(20):
            await wait_for_state(bus, up=False)
            await wait_for_state(bus, up=True)
    assert len(_Broken.opened) == 2


@pytest.mark.slow
async def test_a_bus_is_run_otherwise_and_back(flaky: str) -> None:
    async with open_bus(flaky, bitrate=500_000) as bus:
        with trio.fail_after(20):
            await bus.configure(BusSettings(250_000, listen_only=True))
            assert _Broken.opened[-1] == {"bitrate": 250_000}
            with pytest.raises(BusSilentError, match="listen only"):
                await bus.send(REQUEST)
            with pytest.raises(BusGoneError, match="no such rate"):
                await bus.configure(BusSettings(1))
            assert bus.settings.bitrate == 250_000
            assert bus.is_up
            await bus.configure(BusSettings(500_000))
            await bus.send(REQUEST)


async def test_filters_decide_what_is_let_in(autojump_clock: trio.abc.Clock) -> None:
    async with open_bus("virtual:let-in") as ours, open_bus("virtual:let-in") as theirs:
        with ours.monitor() as seen:
            await ours.configure(BusSettings(filters=(CanFilter(0x7E8, 0x7FF),)))
            for identifier in (0x100, 0x7E8):
                await theirs.send(CanFrame(identifier, b"\x01"))
            assert [frame.id for frame in seen.take_nowait()] == [0x7E8]
            await ours.configure(BusSettings())
            await theirs.send(CanFrame(0x100, b"\x01"))
            assert [frame.id for frame in seen.take_nowait()] == [0x100]


@pytest.mark.slow
async def test_a_buffer_that_stays_full_is_a_lost_bus(
    flaky: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: object, _message: object, timeout: float | None = None) -> None:
        raise can.CanOperationError("Transmit buffer full")

    monkeypatch.setattr(can_bus, "LONGEST_BUSY", 0.05)
    async with open_bus(flaky) as bus:
        with monkeypatch.context() as patched, trio.fail_after(20):
            patched.setattr(_Broken, "send", full)
            with pytest.raises(BusGoneError, match="buffer full"):
                await bus.send(REQUEST)
        with trio.fail_after(20):
            await wait_for_state(bus, up=False)
            await wait_for_state(bus, up=True)
            await bus.send(REQUEST)
