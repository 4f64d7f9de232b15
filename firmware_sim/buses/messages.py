"""Conversion between this product's `CanFrame` and python-can's `Message`."""

from __future__ import annotations

import can

from protocols.can.frame import CanFrame, check_remote


def to_message(frame: CanFrame) -> can.Message:
    """Return ``frame`` as python-can wants it; a remote frame carries no data (ISO 11898-1)."""
    return can.Message(
        timestamp=frame.timestamp_us / 1e6,
        arbitration_id=frame.id,
        is_extended_id=frame.extended,
        is_remote_frame=frame.remote,
        is_error_frame=frame.error,
        data=frame.data,
        is_fd=frame.fd,
        bitrate_switch=frame.brs,
    )


def to_frame(message: can.Message, timestamp_us: int) -> CanFrame:
    """Return ``message`` as an immutable frame with the given stamp in microseconds.

    Raises:
        RemoteProtocolError: a frame that cannot exist on a bus; python-can does not check what
            its in-process users send.
    """
    return check_remote(
        CanFrame(
            id=message.arbitration_id,
            data=bytes(message.data),
            extended=message.is_extended_id,
            fd=message.is_fd,
            brs=message.bitrate_switch,
            remote=message.is_remote_frame,
            error=message.is_error_frame,
            timestamp_us=timestamp_us,
        )
    )
