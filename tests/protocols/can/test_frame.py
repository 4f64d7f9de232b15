"""What ISO 11898-1 allows in a frame, and whose fault the rest is."""

import pytest

from protocols.can.frame import (
    FD_LENGTHS,
    MAX_TIMESTAMP_US,
    CanFrame,
    check_local,
    check_remote,
    problem,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError


@pytest.mark.parametrize(
    "frame",
    [
        CanFrame(0),
        CanFrame(0x7FF, bytes(8)),
        CanFrame(0x1FFFFFFF, b"\x01", extended=True),
        CanFrame(0x7E0, remote=True),
        CanFrame(0x00000088, bytes(8), error=True),
        CanFrame(0x123, bytes(64), fd=True, brs=True, timestamp_us=MAX_TIMESTAMP_US),
    ],
)
def test_a_sound_frame_passes_on_both_sides(frame: CanFrame) -> None:
    assert problem(frame) is None
    assert check_local(frame) is frame
    assert check_remote(frame) is frame


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (CanFrame(0x800), "11 bits"),
        (CanFrame(-1), "11 bits"),
        (CanFrame(0x20000000, extended=True), "29 bits"),
        (CanFrame(0x20000000, error=True), "29 bits"),
        (CanFrame(1, b"\x00", remote=True), "remote"),
        (CanFrame(1, remote=True, fd=True), "remote"),
        (CanFrame(1, brs=True), "bit rate"),
        (CanFrame(1, bytes(9)), "9 bytes"),
        (CanFrame(1, bytes(9), fd=True), "CAN-FD"),
        (CanFrame(1, bytes(65), fd=True), "65 bytes"),
        (CanFrame(1, timestamp_us=-1), "time stamp"),
        (CanFrame(1, timestamp_us=MAX_TIMESTAMP_US + 1), "time stamp"),
    ],
)
def test_an_impossible_frame_is_refused_and_named(frame: CanFrame, word: str) -> None:
    with pytest.raises(LocalProtocolError, match=word):
        check_local(frame)
    with pytest.raises(RemoteProtocolError, match=word):
        check_remote(frame)


def test_only_the_lengths_of_the_standard_pass_in_can_fd() -> None:
    passing = [n for n in range(70) if problem(CanFrame(1, bytes(n), fd=True)) is None]
    assert tuple(passing) == FD_LENGTHS
