"""Messages of jobs and files as they stand on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.link.channels import Channel, Message
from protocols.link.jobs import (
    CHUNK_SIZE,
    MAX_RANGE,
    PIECE_SIZE,
    FileChunk,
    FileRefused,
    FileRequest,
    JobControl,
    JobForget,
    JobKey,
    JobReport,
    JobStart,
    Segment,
    Step,
    TransferOrder,
)
from protocols.link.messages import FileMessage, JobMessage, decode_body, encode_body
from protocols.link.vehicle import DoipTarget

SHA = f"c420{'41' * 32}"

#: Written by hand from the MessagePack specification, as both ends share the codec.
GOLDEN: list[tuple[Message, str]] = [
    (
        JobStart(
            "j1",
            "s1",
            TransferOrder(
                "download",
                DoipTarget(0x1010),
                (Segment(0x8000, 256),),
                image=b"A" * 32,
                size=256,
                before=(Step("request", "open", b"\x10\x02"),),
            ),
        ),
        (
            "94 3c a26a31 a27331 dc0012 a8646f776e6c6f6164 93 02 cd1010 c2"
            f" 91 98 cd8000 cd0100 00 04 04 00 90 90 {SHA} cd0100 90"
            " 91 9b a772657175657374 a46f70656e c402 1002 c400 c2 c2 c2 00 00 c400 00"
            " 90 90 92 03 a0 a577686f6c65 a577686f6c65 00 03 02 cdea60 ce0036ee80 ce000927c0"
        ),
    ),
    (JobControl("j1", "abort"), "93 3d a26a31 a561626f7274"),
    (JobKey("j1", b"\1\2"), "93 3e a26a31 c402 0102"),
    (JobForget("j1"), "92 3f a26a31"),
    (
        JobReport("j1", "awaiting_key", "security", level=1, seed=b"\7", at_us=9),
        (
            "dc0015 40 a26a31 ac6177616974696e675f6b6579 a87365637572697479"
            " 00 00 00 00 00 00 00 00 00 01 c401 07 a0 a0 c2 c400 00 09"
        ),
    ),
    (FileRequest(b"A" * 32, 65_536, 16_384), f"94 50 {SHA} ce00010000 cd4000"),
    (FileChunk(b"A" * 32, 1, b"xyz"), f"94 51 {SHA} 01 c403 78797a"),
    (FileRefused(b"A" * 32, "no"), f"93 52 {SHA} a26e6f"),
]


@pytest.mark.parametrize(
    ("message", "golden"), GOLDEN, ids=[type(message).__name__ for message, _ in GOLDEN]
)
def test_golden_bytes(message: Message, golden: str) -> None:
    assert encode_body(message).hex() == bytes.fromhex(golden).hex()
    assert decode_body(message.channel, bytes.fromhex(golden)) == message
    assert message.numbered


def test_every_message_has_its_golden_bytes() -> None:
    known = set(JobMessage.__args__) | set(FileMessage.__args__)
    assert {type(message) for message, _ in GOLDEN} == known


@pytest.mark.slow
@given(st.sampled_from(GOLDEN), st.data())
def test_mutated_messages_are_messages_or_remote_errors(
    golden: tuple[Message, str], data: st.DataObject
) -> None:
    message, text = golden
    body = bytearray.fromhex(text)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(decode_body(message.channel, bytes(body)), Message)
    except RemoteProtocolError:
        return


@pytest.mark.parametrize(("message", "golden"), GOLDEN)
def test_a_message_on_a_foreign_channel_does_not_decode(message: Message, golden: str) -> None:
    for channel in set(Channel) - {message.channel}:
        with pytest.raises(RemoteProtocolError):
            decode_body(channel, bytes.fromhex(golden))


def test_sizes_fit_into_each_other() -> None:
    assert PIECE_SIZE % CHUNK_SIZE == 0
    assert MAX_RANGE % CHUNK_SIZE == 0
