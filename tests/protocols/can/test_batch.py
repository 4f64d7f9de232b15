"""The batch codec: golden bytes, round trips, and any bytes at all."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.can.batch import (
    BatchHeader,
    FrameBatch,
    add_losses,
    decode_batch,
    encode_batch,
    peek_batch,
    select_batch,
)
from protocols.can.frame import FD_LENGTHS, MAX_TIMESTAMP_US, CanFrame, problem
from protocols.errors import LocalProtocolError, RemoteProtocolError

STAMPS = st.one_of(
    st.integers(10**15, 10**15 + 10**7),
    st.sampled_from([0, 1, 2**32 - 1, 2**32, MAX_TIMESTAMP_US]),
)


@st.composite
def frames(draw: st.DrawFn) -> CanFrame:
    kind = draw(st.sampled_from(["classic", "fd", "remote", "error"]))
    extended = draw(st.booleans())
    wide = extended or kind == "error"
    length = draw(st.sampled_from(FD_LENGTHS if kind == "fd" else FD_LENGTHS[:9]))
    return CanFrame(
        draw(st.integers(0, 0x1FFFFFFF if wide else 0x7FF)),
        b"" if kind == "remote" else draw(st.binary(min_size=length, max_size=length)),
        extended=extended,
        fd=kind == "fd",
        brs=kind == "fd" and draw(st.booleans()),
        remote=kind == "remote",
        error=kind == "error",
        timestamp_us=draw(STAMPS),
    )


@given(bus=st.integers(0, 0xFFFF), content=st.lists(frames()), dropped=st.integers(0, 0xFFFFFFFF))
def test_what_was_encoded_is_decoded(bus: int, content: list[CanFrame], dropped: int) -> None:
    data = encode_batch(bus, content, dropped)
    assert decode_batch(data) == FrameBatch(bus, tuple(content), dropped)
    first = min((frame.timestamp_us for frame in content), default=0)
    assert peek_batch(data) == BatchHeader(bus, len(content), dropped, first)


GOLDEN_FRAMES = [
    CanFrame(0x7E8, bytes.fromhex("0662F19057565700"), timestamp_us=1_000_240),
    CanFrame(0x18DAF110, b"\x01\x02", extended=True, timestamp_us=1_000_000),
    CanFrame(0x123, bytes(12), fd=True, brs=True, timestamp_us=1_000_001),
    CanFrame(0x7DF, remote=True, timestamp_us=1_000_002),
]
GOLDEN = bytes.fromhex(
    "01 00 0002 00000004 00000007 00000000000F4240"
    "000000F0 000007E8 00 08 0662F19057565700"
    "00000000 98DAF110 00 02 0102"
    "00000001 00000123 03 0C 000000000000000000000000"
    "00000002 400007DF 00 00"
)


def test_golden_bytes() -> None:
    assert encode_batch(2, GOLDEN_FRAMES, 7) == GOLDEN
    assert decode_batch(GOLDEN).frames == tuple(GOLDEN_FRAMES)


def test_stamps_more_than_71_minutes_apart_take_the_wide_form() -> None:
    early, late = CanFrame(1, timestamp_us=5), CanFrame(1, timestamp_us=5 + 2**32)
    data = encode_batch(0, [late, early])
    assert data[1] == 1
    assert decode_batch(data).frames == (late, early)
    assert encode_batch(0, [early])[1] == 0


def test_more_lost_frames_than_the_field_holds_stay_at_the_top() -> None:
    assert peek_batch(encode_batch(0, [], 2**40)).dropped == 0xFFFFFFFF


@given(st.binary(max_size=200))
@example(b"")
@example(GOLDEN[:-1])
@example(GOLDEN + b"\x00")
def test_any_bytes_give_a_batch_or_a_remote_error(data: bytes) -> None:
    try:
        batch = decode_batch(data)
    except RemoteProtocolError:
        return
    assert all(problem(frame) is None for frame in batch.frames)


@given(position=st.integers(0, len(GOLDEN) - 1), value=st.integers(0, 255))
def test_a_flipped_byte_never_makes_an_impossible_frame(position: int, value: int) -> None:
    damaged = bytearray(GOLDEN)
    damaged[position] = value
    try:
        batch = decode_batch(bytes(damaged))
    except RemoteProtocolError:
        return
    assert all(problem(frame) is None for frame in batch.frames)
    assert decode_batch(encode_batch(batch.bus, batch.frames, batch.dropped)) == batch


HEADER = struct.Struct(">BBHIIQ")


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(2, 0, 0, 0, 0, 0),
        HEADER.pack(1, 2, 0, 0, 0, 0),
        HEADER.pack(1, 0, 0, 2**32 - 1, 0, 0),
        HEADER.pack(1, 0, 0, 0, 0, MAX_TIMESTAMP_US + 1),
        GOLDEN[:-1],
        GOLDEN + b"\x00",
        HEADER.pack(1, 1, 0, 1, 0, 1) + struct.pack(">QIH", MAX_TIMESTAMP_US, 1, 0),
        HEADER.pack(1, 0, 0, 1, 0, 0) + struct.pack(">IIH", 0, 0x800, 0),
        HEADER.pack(1, 0, 0, 1, 0, 0) + struct.pack(">IIH", 0, 0x400007DF, 1) + b"\x00",
        HEADER.pack(1, 0, 0, 1, 0, 0) + struct.pack(">IIH", 0, 1, 9) + bytes(9),
        HEADER.pack(1, 0, 0, 1, 0, 0) + struct.pack(">IIH", 0, 1, 0x208) + bytes(8),
    ],
    ids=[
        "version",
        "flag",
        "count",
        "base",
        "cut",
        "more",
        "stamp",
        "id",
        "remote",
        "length",
        "brs",
    ],
)
def test_each_rule_is_checked_on_the_way_in(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_batch(data)


@pytest.mark.parametrize(
    ("bus", "frame"),
    [
        (0x10000, CanFrame(1)),
        (-1, CanFrame(1)),
        (0, CanFrame(0x800)),
        (0, CanFrame(-1)),
        (0, CanFrame(0x20000000, extended=True)),
        (0, CanFrame(0x20000000, error=True)),
        (0, CanFrame(1, bytes(9))),
        (0, CanFrame(1, brs=True)),
        (0, CanFrame(1, b"\x00", remote=True)),
        (0, CanFrame(1, timestamp_us=-1)),
        (0, CanFrame(1, timestamp_us=MAX_TIMESTAMP_US + 1)),
    ],
)
def test_nothing_impossible_is_ever_encoded(bus: int, frame: CanFrame) -> None:
    with pytest.raises(LocalProtocolError):
        encode_batch(bus, [frame])


def test_a_choice_of_frames_keeps_their_order_and_tells_of_losses() -> None:
    frames = [CanFrame(number, bytes([number])) for number in (3, 1, 2, 1)]
    batch = encode_batch(5, frames, dropped=9)
    chosen = select_batch(batch, lambda frame: frame.id == 1)
    assert chosen == encode_batch(5, [frames[1], frames[3]], dropped=9)
    assert select_batch(batch, lambda _frame: True) is batch
    assert decode_batch(select_batch(batch, lambda _frame: False)) == FrameBatch(5, (), 9)


@given(st.integers(0, 2**33), st.integers(0, 2**32 - 1))
def test_losses_add_up_and_touch_nothing_else(more: int, before: int) -> None:
    frames = (CanFrame(1, b"\x02", timestamp_us=3), CanFrame(4, timestamp_us=2**40))
    told = decode_batch(add_losses(encode_batch(7, frames, before), more))
    assert told == FrameBatch(7, frames, min(before + more, 2**32 - 1))
    with pytest.raises(RemoteProtocolError):
        add_losses(b"\x01", more)
