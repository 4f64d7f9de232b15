"""Bytes to doipclient's message classes and back.

doipclient knows the layouts; it trusts its input. What it leaves open is closed here:

- lengths: a short payload raises ``struct.error`` there and a long one is cut silently. Here the
  length is checked from the header alone (NACK 04), before any payload is kept;
- VINs come out of ``unpack`` as bytes, which ``pack`` and ``==`` cannot take, and an unset VIN of
  FF bytes is no ASCII. Here a VIN is always text, and an unset one is 17 zero characters;
- enum properties raise for codes that are reserved or the maker's own; :func:`code_of` does not;
- its reserved messages cannot be packed, so an unlisted payload type is an error (NACK 01).
"""

# doipclient ships no annotations, so building its messages is an untyped call.
# mypy: allow-untyped-calls

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from doipclient.messages import (
    DiagnosticMessageNegativeAcknowledgement,
    DiagnosticPowerModeResponse,
    GenericDoIPNegativeAcknowledge,
    RoutingActivationRequest,
    RoutingActivationResponse,
    VehicleIdentificationRequestWithVIN,
    VehicleIdentificationResponse,
    payload_type_to_message,
)

from protocols.doip.header import (
    HEADER_LENGTH,
    DoipError,
    Header,
    HeaderNack,
    ProtocolVersion,
    parse_header,
)
from protocols.errors import LocalProtocolError

#: What a VIN reads as while the vehicle has none (table 5 sends 00 or FF bytes).
UNSET_VIN = "\0" * 17

#: Payload lengths of the messages that have only one or two; tables 2 to 11, 18, 27, 28, 46, 48.
_LENGTHS: dict[int, tuple[int, ...]] = {
    0x0000: (1,),
    0x0001: (0,),
    0x0002: (6,),
    0x0003: (17,),
    0x0004: (32, 33),
    0x0005: (7, 11),
    0x0006: (9, 13),
    0x0007: (0,),
    0x0008: (2,),
    0x4001: (0,),
    0x4002: (3, 7),
    0x4003: (0,),
    0x4004: (1,),
}
#: Two addresses and at least one byte: user data, or an acknowledge code; tables 21, 23, 25.
_SHORTEST_DIAGNOSTIC = 5

#: Where the one-byte code stands in the payload of the messages that have one.
_CODE_OFFSETS: dict[type, int] = {
    GenericDoIPNegativeAcknowledge: 0,
    RoutingActivationRequest: 2,
    RoutingActivationResponse: 4,
    DiagnosticPowerModeResponse: 0,
    DiagnosticMessageNegativeAcknowledgement: 4,
}

ALL_TYPES = frozenset(payload_type_to_message)


class Message(Protocol):
    """What every message class of doipclient has in common."""

    @property
    def payload_type(self) -> int: ...

    def pack(self) -> bytes | bytearray: ...


@dataclass(frozen=True, slots=True)
class Packet:
    """One message and the protocol version its header named."""

    version: int
    message: Message


def encode(message: Message, version: int = ProtocolVersion.ISO_2012) -> bytes:
    """Return header and payload of ``message``.

    Raises:
        LocalProtocolError: a field does not fit its place, or the class is not on the wire.
    """
    try:
        payload = bytes(message.pack())
        payload_type = int(message.payload_type)
    except (struct.error, UnicodeError, TypeError, AttributeError) as error:
        raise LocalProtocolError(f"{type(message).__name__} cannot be packed: {error}") from error
    return Header(version, payload_type, len(payload)).pack() + payload


def code_of(message: Message) -> int:
    """Return the message's code (NACK, activation type, response, power mode) as a number.

    doipclient's properties turn codes into enums and fail for those the enums do not list.
    """
    return int(message.pack()[_CODE_OFFSETS[type(message)]])


def decode_datagram(data: bytes, max_length: int, types: frozenset[int] = ALL_TYPES) -> Packet:
    """Read the one message that a UDP datagram holds (7.1.1).

    Raises:
        DoipError: the datagram is no such message; ``code`` is what to answer, if anything.
    """
    if len(data) < HEADER_LENGTH:
        raise DoipError(f"{len(data)} bytes hold no DoIP header")
    header = parse_header(data)
    _check(header, max_length, types)
    if len(data) - HEADER_LENGTH != header.length:
        raise DoipError(
            f"header says {header.length} bytes, datagram holds {len(data) - HEADER_LENGTH}",
            code=HeaderNack.InvalidPayloadLength,
        )
    return Packet(header.version, _unpack(header.payload_type, data[HEADER_LENGTH:]))


class Decoder:
    """Takes a TCP stream apart, whatever way it was cut.

    Args:
        max_length: largest payload that is taken, bytes; longer ones are skipped (NACK 02).
        types: payload types that mean something here; others are skipped (NACK 01).
        has_room: asked once :attr:`gathering` counts a new message; ``False`` skips it (NACK 03).
    """

    def __init__(
        self,
        max_length: int,
        *,
        types: frozenset[int] = ALL_TYPES,
        has_room: Callable[[], bool] | None = None,
    ) -> None:
        self._max_length = max_length
        self._types = types
        self._has_room = has_room
        self._buffer = bytearray()
        self._header: Header | None = None
        self._skip = 0
        self._broken = False

    @property
    def gathering(self) -> int:
        """Bytes of payload that the message under way announced; what it may come to hold."""
        return self._header.length if self._header else 0

    def receive(self, data: bytes) -> list[Packet | DoipError]:
        """Take bytes; return what became complete, errors in their place among the messages.

        After an error with ``close`` the stream is lost: all further bytes are ignored.
        """
        if self._broken:
            return []
        self._buffer += data
        return list(self._items())

    def _items(self) -> Iterator[Packet | DoipError]:
        while not self._broken:
            try:
                packet = self._next_packet()
            except DoipError as error:
                self._give_up_on(error)
                yield error
            else:
                if packet is None:
                    return
                yield packet

    def _next_packet(self) -> Packet | None:
        """Return the next whole message, or ``None`` while bytes are missing."""
        self._drop_skipped()
        if self._header is None:
            if self._skip or len(self._buffer) < HEADER_LENGTH:
                return None
            self._header = parse_header(self._buffer)
            del self._buffer[:HEADER_LENGTH]
            self._judge(self._header)
        header = self._header
        if len(self._buffer) < header.length:
            return None
        payload = bytes(self._buffer[: header.length])
        del self._buffer[: header.length]
        self._header = None
        return Packet(header.version, _unpack(header.payload_type, payload))

    def _judge(self, header: Header) -> None:
        _check(header, self._max_length, self._types)
        if self._has_room is not None and not self._has_room():
            raise DoipError(
                f"no memory for {header.length} bytes now", code=HeaderNack.OutOfMemory
            )

    def _give_up_on(self, error: DoipError) -> None:
        if error.close:
            self._broken = True
            self._buffer.clear()
        elif self._header is not None:
            self._skip = self._header.length
        self._header = None

    def _drop_skipped(self) -> None:
        gone = min(self._skip, len(self._buffer))
        del self._buffer[:gone]
        self._skip -= gone


def _check(header: Header, max_length: int, types: frozenset[int]) -> None:
    """Judge a header in the order of the header handler, 7.1.2 figure 7."""
    what = f"payload type {header.payload_type:04X}"
    if header.payload_type not in types:
        raise DoipError(f"{what} is not known here", code=HeaderNack.UnknownPayloadType)
    if header.length > max_length:
        raise DoipError(
            f"{what} of {header.length} bytes, at most {max_length} are taken",
            code=HeaderNack.MessageTooLarge,
        )
    allowed = _LENGTHS.get(header.payload_type)
    fits = header.length in allowed if allowed else header.length >= _SHORTEST_DIAGNOSTIC
    if not fits:
        raise DoipError(
            f"{what} cannot be {header.length} bytes long", code=HeaderNack.InvalidPayloadLength
        )


def _unpack(payload_type: int, payload: bytes) -> Message:
    special = _WITH_VIN.get(payload_type)
    if special is not None:
        return special(payload)
    message: Message = _CLASSES[payload_type].unpack(payload, len(payload))
    return message


def _identification_request(payload: bytes) -> Message:
    return VehicleIdentificationRequestWithVIN(_vin(payload))


def _identification_response(payload: bytes) -> Message:
    address = int.from_bytes(payload[17:19], "big")
    eid, gid = payload[19:25], payload[25:31]
    return VehicleIdentificationResponse(_vin(payload[:17]), address, eid, gid, *payload[31:])


def _vin(raw: bytes) -> str:
    if raw in {b"\x00" * 17, b"\xff" * 17}:
        return UNSET_VIN
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise DoipError(f"{raw.hex()} is no VIN") from None


_WITH_VIN: dict[int, Callable[[bytes], Message]] = {
    0x0003: _identification_request,
    0x0004: _identification_response,
}
#: doipclient's table; Any, because its author wrote no type for ``unpack``.
_CLASSES: dict[int, Any] = payload_type_to_message
