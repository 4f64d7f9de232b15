"""Single frames (ISO 15765-2, 9.6.2): a whole payload in one frame, which needs no machine.

Nine of ten requests and answers are single frames, and a connection that only ever has those needs
no engine: making one costs more than everything else about a short exchange.
"""

from __future__ import annotations

from protocols.can.frame import FD_LENGTHS, CanFrame
from protocols.isotp.addressing import Endpoint, IsoTpAddress
from protocols.isotp.params import IsoTpParams

#: Fills CAN-FD frames up to the next length that exists, where no padding is asked for.
_FILL = 0xCC

#: The shortest length that exists, by the number of bytes that it must hold.
_ENOUGH = tuple(min(it for it in FD_LENGTHS if it >= size) for size in range(65))


class SingleFrames:
    """Packs and unpacks single frames of one connection.

    Attributes:
        room: bytes of the longest payload.
    """

    __slots__ = ("_address", "_fd", "_fill", "_least", "_prefix", "_start", "room")

    def __init__(self, address: IsoTpAddress, params: IsoTpParams) -> None:
        self._address = address
        self._fd = (True, params.bitrate_switch) if params.can_fd else (False, False)
        self._fill = bytes([_FILL if params.padding is None else params.padding])
        # 10.4.2.3 leaves short frames short; where padding is asked for, ECUs want 8.
        self._least = 0 if params.padding is None else 8
        self._start = 1 if address.prefixed else 0
        self._prefix = address.rx.prefix
        longest = params.tx_data_length
        self.room = longest - (1 if longest == 8 else 2) - self._start

    def pack(self, payload: bytes, end: Endpoint) -> CanFrame:
        """Return a payload of at most ``room`` bytes as one frame to ``end``."""
        head = b"" if end.prefix is None else bytes([end.prefix])
        # 9.6.2.1: the length stands in the first byte where the frame has at most 8.
        short = len(head) + len(payload) <= 7
        data = head + (bytes([len(payload)]) if short else bytes([0, len(payload)])) + payload
        size = max(_ENOUGH[len(data)], self._least)
        return CanFrame(end.id, data.ljust(size, self._fill), self._address.extended, *self._fd)

    def unpack(self, frame: CanFrame) -> bytes | None:
        """Return the payload of a single frame in the plain form, from the other side alone.

        ``None`` leaves it to the engine, as every frame that is not so simple.
        """
        data, start = frame.data, self._start
        if not start < len(data) <= 8 or (start and data[0] != self._prefix):
            return None
        length, first = data[start], start + 1
        return data[first : first + length] if 0 < length <= len(data) - first else None
