"""Exports as the tools they are for read them: tshark, python-can, asammdf."""

from __future__ import annotations

import json
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import can
import pytest

from gateway.sessions.recording.export import FORMATS, main
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget
from protocols.recording.codec import MAGIC, encode
from protocols.recording.records import (
    Answered,
    Began,
    Exchange,
    Frames,
    Happened,
    Record,
)

pytestmark = pytest.mark.slow

#: 2026-11-20 12:00:00 UTC, microseconds.
NOON = 1_795_176_000_000_000

VIN = b"WVWZZZAUZHP341562"

BEGAN = Began(
    NOON,
    "5e" * 16,
    0,
    "8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e",
    VIN.decode(),
    "operator",
    7,
    ("can0", "body"),
    ("can", "can-fd"),
)


def answered(source: int, data: bytes, at: int, pending: int = 0) -> Answered:
    return Answered(source, data, pending, at, at + 9_000)


def raw(bus: int, frames: list[CanFrame], *, sent: bool = False, at: int = 0) -> Frames:
    return Frames(NOON + at, NOON, sent, encode_batch(bus, frames))


def conversation() -> Iterator[Record]:
    """Everything there is: both buses, both ways, every kind of frame, exchanges of all kinds."""
    yield BEGAN
    yield Happened(NOON + 1, "session.opened", {"writer": "True"})
    yield Happened(NOON + 2, "session.door", {"door": "doip", "event": "opened", "at": "Tör 1"})
    engine, wide = CanTarget(0x7E0, 0x7E8), CanTarget(0x18DA10F1, 0x18DAF110, extended=True)
    at = NOON + 10_000
    yield Exchange(
        at + 9_500,
        engine,
        bytes.fromhex("22F190"),
        (answered(0x7E8, b"\x62\xf1\x90" + VIN, at, pending=2),),
        None,
        "rest",
    )
    at = NOON + 40_000
    lines = (
        answered(0x7E8, bytes.fromhex("5003003201F4"), at),
        answered(0x7E9, b"\x7f\x10\x12", at),
    )
    yield Exchange(at + 9_500, FunctionalTarget(), b"\x10\x03", lines, None, "doip")
    at = NOON + 80_000
    yield Exchange(at, wide, bytes(200), (), "no_response", "ws")
    frames = [
        CanFrame(0x123, bytes(range(8)), timestamp_us=100_000),
        CanFrame(0x1ABCDEF0, b"\x01", extended=True, timestamp_us=100_500),
        CanFrame(0x321, remote=True, timestamp_us=101_000),
        CanFrame(0x20, b"\0" * 8, error=True, timestamp_us=101_500),
    ]
    yield raw(0, frames)
    yield raw(1, [CanFrame(0x55, bytes(48), fd=True, brs=True, timestamp_us=110_000)])
    yield raw(0, [CanFrame(0x7DF, b"\x02\x3e\x80")], sent=True, at=120_000)
    yield Frames(NOON + 1, NOON, True, encode_batch(0, [CanFrame(1)]), True)  # seen: once only


#: Request; 2 pending; first frame, flow control, 2 consecutive: 7. Functional 3. 200 bytes on
#: CAN without an answer: first frame, flow control, 28 consecutive: 30. Raw: 6.
FRAMES = 7 + 3 + 30 + 6


def write(folder: Path, records: list[Record]) -> Path:
    folder.mkdir()
    (folder / "0000.dgrec").write_bytes(MAGIC + b"".join(map(encode, records)))
    return folder


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The conversation in every format."""
    base = tmp_path_factory.mktemp("exports")
    folder = write(base / "recording", list(conversation()))
    made = {name: base / f"log.{'log' if name == 'candump' else name}" for name in FORMATS}
    for name, path in made.items():
        assert main([str(folder), name, str(path)]) == 0
    return made


# Any: what tshark says of packets is its own business.
def dissect(path: Path, *options: str) -> list[dict[str, Any]]:
    """Return the packets of a capture as tshark shows them."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (Debian: apt-get install tshark)")
    command = [tshark, "-r", str(path), "-T", "json", *options]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=50)
    return [packet["_source"]["layers"] for packet in json.loads(shown.stdout)]


@pytest.mark.parametrize("name", ["candump", "asc", "blf", "mf4"])
def test_python_can_reads_every_frame(exports: dict[str, Path], name: str) -> None:
    with can.LogReader(exports[name]) as reader:
        messages = list(reader)
    assert len(messages) == FRAMES
    data = [m for m in messages if not m.is_error_frame and not m.is_remote_frame]
    assert len(data) == FRAMES - 2
    first = min(data, key=lambda m: m.timestamp)
    assert (first.arbitration_id, bytes(first.data)) == (
        0x7E0,
        b"\x03\x22\xf1\x90".ljust(8, b"\xcc"),
    )
    assert first.is_rx is False
    seen = next(m for m in data if m.arbitration_id == 0x55)
    assert (seen.is_fd, seen.bitrate_switch, len(seen.data)) == (True, True, 48)
    wide = next(m for m in data if m.arbitration_id == 0x1ABCDEF0)
    assert wide.is_extended_id
    if name != "asc":  # its times count from the first line, and the day is text
        assert first.timestamp == pytest.approx(NOON / 1e6 + 0.01, abs=0.001)


def test_asammdf_reads_every_frame(exports: dict[str, Path]) -> None:
    from asammdf import MDF  # noqa: PLC0415

    with MDF(exports["mf4"]) as measurement:
        groups = [group.channel_group for group in measurement.groups]
        assert sum(group.cycles_nr for group in groups) == FRAMES
        identifiers = measurement.get("CAN_DataFrame.ID", group=0).samples
        assert {0x7E0, 0x7E8, 0x7DF, 0x7E9, 0x123, 0x55} <= set(map(int, identifiers))
        assert measurement.start_time.timestamp() == pytest.approx(NOON / 1e6, abs=0.001)
        assert measurement.bus_logging_map["CAN"]


def test_tshark_reads_every_frame(exports: dict[str, Path]) -> None:
    packets = dissect(exports["pcapng"], "-Y", "can || canfd")
    assert len(packets) == FRAMES
    times = [float(packet["frame"]["frame.time_epoch"]) for packet in packets]
    assert times == sorted(times)
    assert times[0] == pytest.approx(NOON / 1e6 + 0.01, abs=0.001)


#: What happened besides: session and door opened, and one exchange that failed.
REMARKS = [
    "session.opened writer=True",
    "session.door door=doip event=opened at=Tör 1",
    "exchange.failed why=no_response by=ws",
]


def test_tshark_shows_what_happened_as_lines_and_comments(exports: dict[str, Path]) -> None:
    packets = dissect(exports["pcapng"], "-Y", "syslog")
    assert [packet["pkt_comment"]["frame.comment"] for packet in packets] == REMARKS
    assert packets[0]["syslog"]["syslog.msg"] == REMARKS[0]
    times = [float(packet["frame"]["frame.time_epoch"]) for packet in packets]
    assert times[1] == pytest.approx(NOON / 1e6 + 2e-6, abs=1e-6)


def test_vector_s_logs_and_measurements_show_what_happened(exports: dict[str, Path]) -> None:
    from asammdf import MDF  # noqa: PLC0415

    lines = exports["asc"].read_text(encoding="utf-8").splitlines()
    assert [line.partition("// ")[2] for line in lines if "// " in line][1:] == REMARKS
    with MDF(exports["mf4"]) as measurement:
        marks = [(mark.name, mark.sync_base * mark.sync_factor) for mark in measurement.events]
    assert [name for name, _ in marks] == REMARKS
    assert marks[2][1] == pytest.approx(0.08, abs=1e-6)
    assert b"".join(unpacked(exports["blf"])).count(b"session.door door=doip") == 1


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the content of the containers of a BLF file, which are zlib streams."""
    data = path.read_bytes()
    at = data.find(b"LOBJ")
    while at >= 0:
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        yield zlib.decompress(data[at + 32 : at + size])
        at = data.find(b"LOBJ", at + size)


def test_tshark_follows_what_was_said_as_doip_and_uds(exports: dict[str, Path]) -> None:
    packets = dissect(
        exports["pcapng"],
        *("-Y", "doip"),
        *("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
    )
    # Requests 3, pending 2, answers 3.
    assert len(packets) == 8
    assert all("uds" in packet for packet in packets)
    assert not any("_ws.malformed" in packet for packet in packets)
    text = json.dumps(packets)
    assert '"tcp.checksum.status": "1"' in text
    assert '"tcp.checksum.status": "0"' not in text
    assert "tcp.analysis.flags" not in text
    first = packets[0]["doip"]
    assert first["doip.source_address"] == "0x0e00"
    assert first["doip.target_address"] == "0x07e0"


def test_tshark_puts_the_frames_together_again(exports: dict[str, Path]) -> None:
    how = ("-d", "can.subdissector,iso15765", "-d", "iso15765.subdissector,uds")
    packets = dissect(exports["pcapng"], "-Y", "iso15765 && uds", *how)
    assert any(VIN.hex(":") in json.dumps(packet) for packet in packets)


def test_a_recording_of_a_doip_vehicle_has_messages_and_no_frames(tmp_path: Path) -> None:
    began = Began(NOON, "5e" * 16, 0, "u", None, "o", None, ("doip0",), ("doip",))
    answer = answered(0x1001, b"\x62\xf1\x90" + VIN, NOON + 5)
    records: list[Record] = [
        began,
        Exchange(NOON, DoipTarget(0x1001), b"\x22\xf1\x90", (answer,), None, "ws"),
    ]
    folder = write(tmp_path / "recording", records)
    for name in FORMATS:
        assert main([str(folder), name, str(tmp_path / f"log.{name}")]) == 0
    assert len(dissect(tmp_path / "log.pcapng", "-Y", "doip")) == 2
    with can.BLFReader(tmp_path / "log.blf") as reader:
        assert list(reader) == []


@pytest.mark.parametrize("content", [b"", MAGIC, MAGIC + encode(BEGAN), MAGIC + encode(BEGAN)[:9]])
def test_an_empty_recording_makes_files_that_open(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "0000.dgrec").write_bytes(content)
    for name in FORMATS:
        assert main([str(folder), name, str(tmp_path / f"log.{name}")]) == 0
    (tmp_path / "log.candump").rename(tmp_path / "log.log")
    for suffix in ("log", "asc", "blf", "mf4"):
        with can.LogReader(tmp_path / f"log.{suffix}") as reader:
            assert list(reader) == []
    assert dissect(tmp_path / "log.pcapng") == []
