"""The generic DoIP header (ISO 13400-2:2019, 7.1.2, table 16) and the errors it can carry.

0       1                2-3           4-7
version inverse version  payload type  payload length (big endian)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from doipclient.messages import GenericDoIPNegativeAcknowledge

from protocols.errors import LocalProtocolError, RemoteProtocolError

HEADER_LENGTH = 8

#: Codes of the generic negative acknowledge, table 19.
HeaderNack = GenericDoIPNegativeAcknowledge.NackCodes

#: After these the stream can no longer be trusted, so the socket is closed (7.1.2, figure 7).
CLOSING_NACKS = frozenset({HeaderNack.IncorrectPatternFormat, HeaderNack.InvalidPayloadLength})

#: Vehicle identification requests may carry version FF: the client does not know the entity yet.
IDENTIFICATION_REQUESTS = frozenset({0x0001, 0x0002, 0x0003})

_LAYOUT = struct.Struct("!BBHI")


class ProtocolVersion(IntEnum):
    """Versions of the header's first byte, table 16."""

    DIS_2010 = 0x01
    ISO_2012 = 0x02
    ISO_2019 = 0x03
    ISO_2019_AMD1 = 0x04
    ANY = 0xFF


KNOWN_VERSIONS = frozenset(ProtocolVersion) - {ProtocolVersion.ANY}


class DoipError(RemoteProtocolError):
    """The peer sent a message that cannot be taken.

    Attributes:
        code: generic negative acknowledge that tells it so; ``None`` where silence is right.
        close: the stream is lost; close the socket after the answer.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.close = code in CLOSING_NACKS


@dataclass(frozen=True, slots=True)
class Header:
    """A header whose pattern holds.

    Attributes:
        version: protocol version of the message.
        payload_type: table 17; not checked here.
        length: payload bytes that follow.
    """

    version: int
    payload_type: int
    length: int

    def pack(self) -> bytes:
        """Return the eight bytes.

        Raises:
            LocalProtocolError: a field does not fit.
        """
        try:
            return _LAYOUT.pack(self.version, self.version ^ 0xFF, self.payload_type, self.length)
        except struct.error as error:
            raise LocalProtocolError(f"{self} does not fit a DoIP header: {error}") from error


def parse_header(data: bytes | bytearray) -> Header:
    """Read the header at the start of ``data``, which holds at least eight bytes.

    Raises:
        DoipError: NACK 00, the version is unknown or its inverse does not match.
    """
    version, inverse, payload_type, length = _LAYOUT.unpack_from(data)
    known = version in KNOWN_VERSIONS or (
        version == ProtocolVersion.ANY and payload_type in IDENTIFICATION_REQUESTS
    )
    if inverse != version ^ 0xFF or not known:
        raise DoipError(
            f"no DoIP header: version {version:02X}, inverse {inverse:02X}",
            code=HeaderNack.IncorrectPatternFormat,
        )
    return Header(version, payload_type, length)
