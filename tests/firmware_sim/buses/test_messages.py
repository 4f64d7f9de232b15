from __future__ import annotations

import can
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.buses.messages import to_frame, to_message
from protocols.can.frame import FD_LENGTHS, CanFrame

STAMP = 1_700_000_000_123_456


@st.composite
def any_frame(draw: st.DrawFn) -> CanFrame:
    extended = draw(st.booleans())
    can_id = draw(st.integers(0, (1 << 29) - 1 if extended else (1 << 11) - 1))
    if draw(st.booleans()):
        length = draw(st.sampled_from(FD_LENGTHS))
        data = draw(st.binary(min_size=length, max_size=length))
        return CanFrame(can_id, data, extended, True, draw(st.booleans()), timestamp_us=STAMP)
    if draw(st.booleans()):
        return CanFrame(can_id, b"", extended, remote=True, timestamp_us=STAMP)
    return CanFrame(can_id, draw(st.binary(max_size=8)), extended, timestamp_us=STAMP)


@given(any_frame())
def test_a_frame_survives_python_can_and_its_own_check(frame: CanFrame) -> None:
    message = to_message(frame)
    message._check()
    assert to_frame(message, STAMP) == frame


def test_the_stamp_reaches_python_can_in_seconds() -> None:
    assert to_message(CanFrame(1, timestamp_us=2_500_000)).timestamp == 2.5


def test_the_data_of_a_frame_is_a_copy() -> None:
    message = can.Message(arbitration_id=1, data=bytearray(b"\x01"))
    frame = to_frame(message, 0)
    message.data[0] = 2
    assert frame.data == b"\x01"
