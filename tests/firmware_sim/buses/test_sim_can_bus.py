from __future__ import annotations

import errno
import pickle
import socket
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import can
import pytest
import trio
from can.interfaces import BACKENDS
from typing_extensions import override

from firmware_sim.buses import can_bus
from firmware_sim.buses.can_bus import BusAddress, BusBusyError, BusGoneError, CanBus, open_bus
from firmware_sim.buses.ports import SocketPort
from protocols.can.frame import CanFrame

REQUEST = CanFrame(0x7E0, bytes.fromhex("0322F190CCCCCCCC"))


class SocketBus(can.BusABC):
    """A real python-can interface on a socket pair: its peer is in ``peers[channel]``."""

    peers: ClassVar[dict[str, socket.socket]] = {}
    full = False
    readable = True

    def __init__(self, channel: str, **options: Any) -> None:
        if channel == "absent":
            raise OSError(errno.ENODEV, "No such device")
        self._socket, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.peers[channel] = peer
        self.options = options
        super().__init__(channel, **options)

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if SocketBus.full:
            raise can.CanOperationError("Transmit buffer full")
        try:
            self._socket.send(pickle.dumps((msg.arbitration_id, bytes(msg.data))))
        except OSError as error:
            raise can.CanOperationError("Failed to transmit", error.errno) from error

    @override
    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(1000)
        except (BlockingIOError, TimeoutError):
            return None, False
        if not data:
            raise can.CanOperationError("Network is down", errno.ENETDOWN)
        can_id, payload = pickle.loads(data)
        message = can.Message(1.5, can_id, is_extended_id=False, data=payload)
        return message, False

    @override
    def fileno(self) -> int:
        if not SocketBus.readable:
            raise NotImplementedError
        return self._socket.fileno()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._socket.close()


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the interface known to python-can, as an installed plug-in would be."""
    monkeypatch.setitem(BACKENDS, "pair", (__name__, "SocketBus"))
    monkeypatch.setattr("can.util.VALID_INTERFACES", frozenset(BACKENDS))


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


@pytest.mark.parametrize(("behind", "kept"), [(0.25, True), (3600.0, False), (-5.0, False)])
async def test_a_stamp_of_the_system_clock_is_kept_and_others_are_not(
    behind: float, kept: bool
) -> None:
    seen: list[CanFrame] = []
    bus = SocketBus("stamps")
    port = SocketPort(bus, seen.append, can_bus.monotonic_us)
    message = can.Message(time.time_ns() / 1e9 - behind, 1, is_extended_id=False)
    port._receive(message)
    age = (can_bus.monotonic_us() - seen[0].timestamp_us) / 1e6
    assert age == pytest.approx(behind if kept else 0.0, abs=0.1)
    port.close()
    SocketBus.peers.pop("stamps").close()


@pytest.mark.slow
async def test_a_lost_bus_is_said_and_comes_back_with_its_subscriptions(
    interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(can_bus, "REOPEN_PAUSE", (0.01, 0.02))
    async with open_bus(interface) as bus:
        with bus.subscribe({(0x7E8, False)}) as feed:
            old = SocketBus.peers.pop("line")
            old.close()
            with trio.fail_after(2):
                await wait_for_state(bus, up=False)
                with pytest.raises(BusGoneError, match=r"pair:line is gone"):
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


@pytest.mark.parametrize("text", ["", "virtual", "virtual:", ":demo"])
def test_what_names_no_bus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="INTERFACE:CHANNEL"):
        BusAddress.parse(text)


def test_a_channel_may_hold_colons() -> None:
    assert BusAddress.parse("udp_multicast:ff15::1") == BusAddress("udp_multicast", "ff15::1")
