"""Frames of a recording as python-can's messages, for its writers of log files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.can.frame import CanFrame
from protocols.recording.story import CanEvent

if TYPE_CHECKING:
    from can import Message


def message(event: CanEvent, channel: int | str) -> Message:
    """Return a frame as python-can has it; time in seconds since 1970."""
    from can import Message  # noqa: PLC0415 - only exports need it

    frame = event.frame
    return Message(
        timestamp=event.at / 1e6,
        arbitration_id=frame.id,
        is_extended_id=frame.extended or (frame.error and frame.id > 0x7FF),
        is_remote_frame=frame.remote,
        is_error_frame=frame.error,
        channel=channel,
        data=frame.data,
        dlc=len(frame.data),
        is_fd=frame.fd,
        bitrate_switch=frame.brs,
        is_rx=not event.sent,
    )


def kind(frame: CanFrame) -> str:
    """Return the name of a frame's group in a bus log of ASAM MDF."""
    if frame.remote:
        return "CAN_RemoteFrame"
    return "CAN_ErrorFrame" if frame.error else "CAN_DataFrame"
