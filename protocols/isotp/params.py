"""The adjustable parts of ISO 15765-2."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.can.frame import FD_LENGTHS
from protocols.errors import LocalProtocolError

#: What a first frame can announce without the escape form (ISO 15765-2, 9.6.3.1).
LONGEST_WITHOUT_ESCAPE = 0xFFF
LONGEST_WITH_ESCAPE = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class IsoTpParams:
    """How one connection speaks.

    Attributes:
        stmin: separation time we ask of the peer, as the byte of the flow control: 0-127 ms, or
            F1-F9 for 100-900 us.
        blocksize: consecutive frames we take before the next flow control; 0 takes all.
        padding: byte that fills classic frames up to 8 bytes, and FD frames up to the next
            length; ``None`` sends classic frames as short as they are.
        can_fd: send CAN-FD frames.
        bitrate_switch: send the data phase at the higher bit rate; CAN-FD only.
        tx_data_length: longest frame we send, 8 to 64; above 8 CAN-FD only.
        wftmax: how many waits in a row we obey while sending.
        max_frame_size: longest payload we take or send. A longer first frame is answered with
            overflow; memory grows as data comes, never by what a first frame announces.
        n_bs: seconds we wait for a flow control (ISO 15765-2, table 16).
        n_cr: seconds we wait for a consecutive frame.
    """

    stmin: int = 0
    blocksize: int = 0
    padding: int | None = 0xCC
    can_fd: bool = False
    bitrate_switch: bool = False
    tx_data_length: int = 8
    wftmax: int = 16
    max_frame_size: int = LONGEST_WITHOUT_ESCAPE
    n_bs: float = 1.0
    n_cr: float = 1.0

    def __post_init__(self) -> None:
        """Raise LocalProtocolError for a value that the standard does not know."""
        if not (0 <= self.stmin <= 0x7F or 0xF1 <= self.stmin <= 0xF9):
            raise LocalProtocolError(f"stmin {self.stmin:#x} is reserved (use 00-7F or F1-F9)")
        if not 0 <= self.blocksize <= 0xFF or not 0 <= (self.padding or 0) <= 0xFF:
            raise LocalProtocolError("blocksize and padding are bytes")
        if self.tx_data_length not in FD_LENGTHS[8:]:
            raise LocalProtocolError(f"no frame has {self.tx_data_length} bytes")
        if not self.can_fd and (self.tx_data_length > 8 or self.bitrate_switch):
            raise LocalProtocolError("frames above 8 bytes and bit rate switch need can_fd")
        if not 0 < self.max_frame_size <= LONGEST_WITH_ESCAPE or self.wftmax < 0:
            raise LocalProtocolError("max_frame_size and wftmax are out of range")
        if self.n_bs <= 0 or self.n_cr <= 0:
            raise LocalProtocolError("timeouts are seconds above zero")

    def to_isotp(self) -> dict[str, object]:
        """Return the same as can-isotp's parameters; its timeouts are whole milliseconds."""
        return {
            "stmin": self.stmin,
            "blocksize": self.blocksize,
            "tx_padding": self.padding,
            # 10.4.2.3 leaves short FD frames short; where padding is asked for, ECUs want 8.
            "tx_data_min_length": 8 if self.can_fd and self.padding is not None else None,
            "can_fd": self.can_fd,
            "bitrate_switch": self.bitrate_switch,
            "tx_data_length": self.tx_data_length,
            "wftmax": self.wftmax,
            "max_frame_size": self.max_frame_size,
            "rx_flowcontrol_timeout": round(self.n_bs * 1000),
            "rx_consecutive_frame_timeout": round(self.n_cr * 1000),
            "wait_func": _no_wait,  # validation calls it, to see whether it works
        }


def _no_wait(seconds: float) -> None:
    """Stand in for ``time.sleep``: nothing here ever waits."""
    del seconds
