"""Capture files: block by block, and as tshark's dissectors read them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame
from protocols.recording.conversation import Conversation, Side
from protocols.recording.pcapng import LinkType, can_packet, interface, packet, section


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert data[length - 4 : length] == data[4:8]
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def test_a_file_begins_with_its_byte_order_and_its_interfaces() -> None:
    kinds = blocks(section("gateway") + interface(LinkType.CAN_SOCKETCAN, "can0"))
    assert [kind for kind, _ in kinds] == [0x0A0D0D0A, 1]
    assert kinds[0][1][:8] == bytes.fromhex("4d3c2b1a 0100 0000")
    assert kinds[1][1][:2] == (227).to_bytes(2, "little")


@given(st.integers(0, 3), st.integers(0, 2**62), st.binary(max_size=80), st.text(max_size=9))
def test_packets_of_any_length_keep_the_file_s_alignment(
    number: int, at: int, data: bytes, comment: str
) -> None:
    [(kind, body)] = blocks(packet(number, at, data, comment))
    where, high, low, kept, length = struct.unpack_from("<IIIII", body)
    assert (kind, where, high << 32 | low) == (6, number, at)
    assert kept == length == len(data)
    assert body[20 : 20 + length] == data


@pytest.mark.parametrize(
    ("frame", "bytes_"),
    [
        (CanFrame(0x7E0, b"\x02\x10\x03"), "000007e0 03 00 0000 021003"),
        (CanFrame(0x18DA10F1, b"", extended=True), "98da10f1 00 00 0000"),
        (CanFrame(1, b"", remote=True), "40000001 00 00 0000"),
        (CanFrame(1, bytes(12), fd=True, brs=True), "00000001 0c 05 0000" + "00" * 12),
    ],
)
def test_frames_are_what_the_link_type_says(frame: CanFrame, bytes_: str) -> None:
    assert can_packet(frame) == bytes.fromhex(bytes_)


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_frames_and_exchanges(tmp_path: Path) -> None:
    talk = Conversation(
        Side(IPv4Address("192.0.2.1"), 49152), Side(IPv4Address("192.0.2.2"), 13400)
    )
    # Routing activation, then 22 F1 90 to logical address 1001 (ISO 13400-2, tables 46 and 21).
    activation = bytes.fromhex("02fd 0005 00000007 0e00 00 00000000")
    request = bytes.fromhex("02fd 8001 00000007 0e00 1001 22f190")
    answer = bytes.fromhex("02fd 8001 00000018 1001 0e00 62f190") + b"WVWZZZ1KZAW000001"
    packets = [*talk.open(), *talk.say(activation), *talk.say(request)]
    packets += [*talk.say(answer, server=True), *talk.close()]
    file = tmp_path / "session.pcapng"
    file.write_bytes(
        section("gateway")
        + interface(LinkType.CAN_SOCKETCAN, "can0")
        + interface(LinkType.RAW_IP, "doip")
        + packet(0, 1_000_000, can_packet(CanFrame(0x7E0, b"\x02\x10\x03")))
        + b"".join(packet(1, 2_000_000 + n, data) for n, data in enumerate(packets))
    )
    fields = ["-e", "can.id", "-e", "doip.type", "-e", "uds.sid", "-e", "_ws.malformed"]
    said = subprocess.run(
        [
            shutil.which("tshark") or "",
            "-r",
            file,
            "-o",
            "ip.check_checksum:TRUE",
            "-T",
            "fields",
            *fields,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    lines = [line.split("\t") for line in said.stdout.splitlines()]
    assert lines[0][0] == "2016"
    assert [line[1] for line in lines if line[1]] == ["0x0005", "0x8001", "0x8001"]
    assert [line[2] for line in lines if line[2]] == ["0x22", "0x22"]
    assert not any(line[3] for line in lines if len(line) > 3)
