from __future__ import annotations

import os
import socket

import pytest

from gateway.config import DoorSettings
from gateway.domain.errors import Unavailable
from gateway.doors.ports import open_ports

#: A loopback address of this process alone: what others bind or dial from is no neighbour here.
ALONE = f"127.{80 + os.getpid() % 97}.{os.getpid() % 251}.3"


async def test_any_free_port_for_both() -> None:
    ports = await open_ports(DoorSettings(), udp=True)
    try:
        assert ports.udp is not None
        assert ports.udp.getsockname()[1] == ports.port
        assert ports.listener.socket.getsockname()[1] == ports.port
    finally:
        ports.close()
        ports.close()
    with socket.socket() as again:
        again.bind(("127.0.0.1", ports.port))


async def test_ports_come_out_of_the_range_and_end_with_it() -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind((ALONE, 0))
        tcp.listen()
        first = tcp.getsockname()[1]
        udp.bind((ALONE, first + 1))
        settings = DoorSettings(host=ALONE, first_port=first, last_port=first + 2)
        ports = await open_ports(settings, udp=True)
        try:
            assert ports.port == first + 2
            with pytest.raises(Unavailable, match="taken"):
                await open_ports(settings, udp=True)
            plain = await open_ports(settings, udp=False)  # UDP alone was taken there
            assert plain.port == first + 1
            plain.close()
        finally:
            ports.close()


async def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        await open_ports(DoorSettings(host="192.0.2.1"), udp=False)
