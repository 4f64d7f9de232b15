"""The text on the wire: ``< word word >``, anything between two commands is passed over."""

from __future__ import annotations

from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError

#: Characters one command may have: a PDU of 4095 bytes, or a multiplex filter of 257 entries, in
#: hexadecimal, with room to spare.
MAX_COMMAND = 16_384

HELLO = b"< hi >"
OK = b"< ok >"
ECHO = b"< echo >"


class Splitter:
    """Takes a stream apart, whatever way it was cut."""

    def __init__(self) -> None:
        self._rest = ""

    def receive(self, data: bytes) -> list[list[str]]:
        """Take bytes; return the words of each command that became complete.

        Raises:
            RemoteProtocolError: a command that has no end; the stream is of no use any more.
        """
        *pieces, rest = (self._rest + data.decode("ascii", "replace")).split(">")
        start = rest.rfind("<")
        self._rest = rest[start:] if start >= 0 else ""
        if len(self._rest) > MAX_COMMAND:
            self._rest = ""
            raise RemoteProtocolError(f"a command has at most {MAX_COMMAND} characters")
        commands = []
        for piece in pieces:
            _noise, opened, inner = piece.rpartition("<")
            if opened:
                commands.append(inner.split())
        return commands


def frame_text(frame: CanFrame, wall_us: int, *, spaced: bool = False) -> str | None:
    """Return a frame as clients read it; ``None`` for remote frames, which have no text.

    Args:
        frame: of the bus.
        wall_us: when it was seen, microseconds since 1970.
        spaced: with blanks between the bytes, as the daemon writes them in BCM mode.
    """
    seconds, micros = divmod(wall_us, 1_000_000)
    if frame.error:
        # Clients read class and time alone; the daemon's raw mode sends no more.
        return f"< error {frame.id:03X} {seconds}.{micros:06d} >"
    if frame.remote:
        return None
    # Without data two blanks remain: clients count the fields.
    data = frame.data.hex(" ").upper() + " " if spaced else frame.data.hex().upper()
    if frame.extended:
        return f"< frame {frame.id:08X} {seconds}.{micros:06d} {data} >"
    return f"< frame {frame.id:03X} {seconds}.{micros:06d} {data} >"


def pdu_text(data: bytes, wall_us: int) -> str:
    """Return an ISO-TP message as clients read it."""
    seconds, micros = divmod(wall_us, 1_000_000)
    return f"< pdu {seconds}.{micros:06d} {data.hex().upper()} >"


def error_text(reason: str) -> str:
    """Return a refusal; the brackets of ``reason`` become round ones."""
    plain = reason.encode("ascii", "replace").decode().translate(_BRACKETS)
    return f"< error {' '.join(plain.split())} >"


_BRACKETS = str.maketrans("<>", "()")
