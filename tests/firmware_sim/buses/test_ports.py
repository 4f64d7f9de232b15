from __future__ import annotations

import time

import can
import pytest

from firmware_sim.buses import can_bus
from firmware_sim.buses.ports import Port, SocketPort, ThreadPort, open_port
from firmware_sim.buses.virtual import VirtualPort
from protocols.can.frame import CanFrame
from tests.firmware_sim.buses.socket_bus import SocketBus, register

KINDS: list[tuple[str, bool, type[object]]] = [
    ("pair", True, SocketPort),
    ("pair", False, ThreadPort),
    ("virtual", True, VirtualPort),
]


@pytest.mark.parametrize(("interface", "readable", "kind"), KINDS)
async def test_each_interface_has_the_port_that_fits(
    monkeypatch: pytest.MonkeyPatch, interface: str, readable: bool, kind: type[object]
) -> None:
    register(monkeypatch)
    monkeypatch.setattr(SocketBus, "readable", readable)
    port: Port = await open_port(interface, "kinds", lambda _frame: None, lambda: 0, {})
    assert type(port) is kind
    port.close()
    if interface == "pair":
        SocketBus.peers.pop("kinds").close()


async def test_a_frame_that_cannot_exist_is_left_out() -> None:
    seen: list[CanFrame] = []
    port = SocketPort(SocketBus("impossible"), seen.append, can_bus.monotonic_us)
    port._receive(can.Message(arbitration_id=1, data=bytes(9)))
    port._receive(can.Message(arbitration_id=1, data=bytes(8)))
    assert len(seen) == 1
    port.close()
    SocketBus.peers.pop("impossible").close()


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
