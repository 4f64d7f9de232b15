"""Made-up frames carry their message: a receiver of ISO-TP puts it together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import FD_LENGTHS, CanFrame
from protocols.recording.isotp_frames import FLOW_CONTROL, pad, segments


def together(frames: list[bytes], skip: int) -> bytes:
    """Put a message together by the letter of ISO 15765-2, 9.6."""
    first = frames[0][skip:]
    kind = first[0] >> 4
    if kind == 0:
        length, start = (first[0], 1) if first[0] else (first[1], 2)
        assert len(frames) == 1
        return first[start : start + length]
    assert kind == 1
    length, start = (first[0] & 15) << 8 | first[1], 2
    if length == 0:
        length, start = int.from_bytes(first[2:6], "big"), 6
    data = first[start:]
    for number, frame in enumerate(frames[1:], 1):
        assert frame[skip] == 0x20 | number & 15
        data += frame[skip + 1 :]
    assert len(data) - length < len(frames[-1])
    return data[:length]


@given(
    st.binary(min_size=1, max_size=700) | st.binary(min_size=4090, max_size=4200),
    st.binary(max_size=1),
    st.sampled_from([8, 64]),
)
def test_messages_come_out_as_they_went_in(payload: bytes, prefix: bytes, longest: int) -> None:
    frames = list(segments(payload, prefix, longest))
    assert all(len(frame) in FD_LENGTHS and len(frame) <= longest for frame in frames)
    assert all(frame.startswith(prefix) for frame in frames)
    assert together(frames, len(prefix)) == payload


def test_padding_goes_to_lengths_that_exist() -> None:
    assert pad(FLOW_CONTROL) == bytes.fromhex("300000CCCCCCCCCC")
    assert len(pad(bytes(33))) == 48
    assert CanFrame(1, pad(b"")).data == b"\xcc" * 8
