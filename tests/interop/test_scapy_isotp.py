"""scapy on a CAN bus: its ISO-TP as a tester of our vehicle, its ECU behind our firmware.

Both are written by other people from the same standard, and run with their own threads on the
python-can channel that ours are on. What went over it is then read by tshark's dissectors.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from firmware_sim.attached import AttachedSettings, open_attached
from firmware_sim.buses.can_bus import open_bus
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget

with warnings.catch_warnings():
    # scapy meets a newer cryptography than it knows, and looks for interfaces that are not here.
    warnings.simplefilter("ignore")
    from scapy.config import conf

    conf.contribs["CANSocket"] = {"use-python-can": True}
    conf.contribs["ISOTP"] = {"use-can-isotp-kernel-module": False}
    from scapy.contrib.automotive.ecu import EcuAnsweringMachine, EcuResponse
    from scapy.contrib.automotive.uds import (
        UDS,
        UDS_DSC,
        UDS_DSCPR,
        UDS_NR,
        UDS_RDBI,
        UDS_RDBIPR,
        UDS_TP,
        UDS_TPPR,
        UDS_WDBI,
        UDS_WDBIPR,
    )
    from scapy.contrib.cansocket_python_can import PythonCANSocket
    from scapy.contrib.isotp import ISOTPSoftSocket
    from scapy.layers.can import CAN
    from scapy.packet import Packet, Raw
    from scapy.utils import PcapWriter

pytestmark = [
    pytest.mark.slow,
    # scapy leaves sockets of its own to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

VIN = b"WVWZZZAUZHP341562"
ENGINE = CanTarget(0x7E0, 0x7E8)
#: SocketCAN in a capture file (LINKTYPE_CAN_SOCKETCAN).
CAN_SOCKETCAN = 227


@contextmanager
def soft_socket(channel: str, tx: int, rx: int) -> Iterator[ISOTPSoftSocket]:
    options: Any = {"interface": "virtual", "channel": channel}  # scapy annotates each as a dict
    bus = PythonCANSocket(**options)
    try:
        with ISOTPSoftSocket(bus, tx_id=tx, rx_id=rx, padding=True, basecls=UDS) as stack:
            yield stack
    finally:
        bus.close()


# ------------------------------------------------------------ scapy asks our vehicle


def ask(stack: ISOTPSoftSocket, request: Packet) -> Packet:
    answer = stack.sr1(request, timeout=3, verbose=False)
    assert answer is not None, f"no answer to {request!r}"
    return answer


def their_script(channel: str) -> None:
    with soft_socket(channel, 0x7E0, 0x7E8) as stack:
        vin = ask(stack, UDS() / UDS_RDBI(identifiers=[0xF190]))
        assert vin.service == 0x62
        assert bytes(vin)[3:] == VIN
        session = ask(stack, UDS() / UDS_DSC(diagnosticSessionType=3))
        assert session.service == 0x50
        assert ask(stack, UDS() / UDS_TP()).service == 0x7E
        refused = ask(stack, UDS() / UDS_RDBI(identifiers=[0x0001]))
        assert (refused.service, refused.negativeResponseCode) == (0x7F, 0x31)
        long = ask(stack, UDS() / UDS_WDBI(dataIdentifier=0x0001) / Raw(bytes(300)))
        assert long.service == 0x7F  # it has no such identifier; 303 bytes reached it


async def test_scapy_reads_and_writes_on_our_vehicle() -> None:
    channel = "scapy-tester"
    async with open_vehicle(load_vehicle("golf"), addresses={"can0": f"virtual:{channel}"}):
        with trio.fail_after(30):
            await trio.to_thread.run_sync(their_script, channel)


# ------------------------------------------------------------ our firmware asks scapy's ECU

REQUESTS = 5
RESPONSES = [
    EcuResponse(responses=UDS() / UDS_RDBIPR(dataIdentifier=0xF190) / Raw(VIN)),
    EcuResponse(responses=UDS() / UDS_WDBIPR(dataIdentifier=0x0600)),
    EcuResponse(responses=UDS() / UDS_DSCPR(diagnosticSessionType=3) / Raw(b"\x00\x19\x01\xf4")),
    EcuResponse(responses=UDS() / UDS_TPPR()),
    EcuResponse(responses=UDS() / UDS_NR(requestServiceId=0x11, negativeResponseCode=0x22)),
]


class TheirEcu:
    """scapy's answering machine in a thread of its own."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._said = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with soft_socket(self._channel, 0x7E8, 0x7E0) as stack:
            machine = EcuAnsweringMachine(
                supported_responses=RESPONSES, main_socket=stack, basecls=UDS, verbose=False
            )
            self._ready.set()
            machine(timeout=20, count=REQUESTS)
            self._said.wait(10)  # its last answer leaves in a thread of its own

    def __enter__(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def __exit__(self, *_: object) -> None:
        self._said.set()
        self._thread.join(25)
        assert not self._thread.is_alive()


async def talk(channel: str) -> list[CanFrame]:
    """Let our firmware ask scapy's ECU; return every frame of the bus."""
    settings = AttachedSettings(bus=f"virtual:{channel}", ecus="7E0:7E8")
    async with (
        open_attached(settings) as device,
        open_bus(f"virtual:{channel}") as bus,
    ):
        with bus.monitor() as seen:
            for request, answer in (
                ("22F190", "62f190" + VIN.hex()),
                ("1003", "5003001901f4"),
                ("3E00", "7e00"),
                ("2E0600" + "5A" * 500, "6e0600"),
                ("1101", "7f1122"),
            ):
                with trio.fail_after(10):
                    result = await device.exchange(1, ENGINE, bytes.fromhex(request))
                assert result.failure == "", result.detail
                assert [it.data.hex() for it in result.responses] == [answer]
            return seen.take_nowait()


async def test_our_firmware_asks_scapys_ecu_and_tshark_reads_along(tmp_path: Path) -> None:
    channel = "scapy-ecu"
    with TheirEcu(channel):
        await trio.sleep(0.3)  # its sockets are polled; nothing says that they are
        frames = await talk(channel)
    assert len(frames) > 80  # 503 bytes are 73 frames
    path = tmp_path / "talk.pcap"
    write(path, frames)
    if shutil.which("tshark") is None:
        pytest.skip("no tshark here to read the capture")
    check(path, len(frames))


# ------------------------------------------------------------ captures


def write(path: Path, frames: list[CanFrame]) -> None:
    """Write frames as SocketCAN has them, by scapy."""
    with PcapWriter(str(path), linktype=CAN_SOCKETCAN) as writer:
        for frame in frames:
            packet = CAN(
                flags="extended" if frame.extended else 0,
                identifier=frame.id,
                length=len(frame.data),
                data=frame.data,
            )
            packet.time = frame.timestamp_us / 1e6
            writer.write(packet)


def check(path: Path, count: int) -> None:
    """Let tshark take the capture apart, ISO-TP and UDS in it too."""
    done = subprocess.run(
        [
            *("tshark", "-r", str(path), "-T", "json"),
            *("-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds"),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    packets = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert len(packets) == count
    names = set(itertools.chain.from_iterable(packets))
    assert "_ws.malformed" not in names
    assert {"can", "iso15765", "uds"} <= names
