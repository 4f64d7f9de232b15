"""What the gateway answers, as typed records; members that are not known here are passed over."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from gateway.client.errors import Unreadable
from gateway.client.units import EcuAddress

T = TypeVar("T")


class Hex(bytes):
    """Bytes that travel as hexadecimal text."""

    __slots__ = ()


class Bus(msgspec.Struct, frozen=True):
    """One bus of a vehicle; its place in the list is its index in batches of frames."""

    name: str
    kind: str
    up: bool | None = None
    fault: str = ""
    bitrate: int = 0
    data_bitrate: int = 0
    listen_only: bool = False
    filters: int = 0


class Ecu(msgspec.Struct, frozen=True):
    """A control unit that the connector knows how to reach."""

    name: str
    bus: str
    request_id: int | None = None
    response_id: int | None = None
    logical_address: int | None = None
    extended: bool = False
    mode: str = "normal"
    target_address: int | None = None
    source_address: int | None = None
    address_extension: int | None = None

    @property
    def address(self) -> EcuAddress:
        """How exchanges name it."""
        if self.request_id is None:
            return EcuAddress(logical_address=self.logical_address)
        return EcuAddress(
            request_id=self.request_id,
            response_id=self.response_id,
            bus=self.bus,
            extended_id=self.extended,
            addressing=self.mode,
            target_address=self.target_address,
            source_address=self.source_address,
            address_extension=self.address_extension,
        )


class Connector(msgspec.Struct, frozen=True):
    """A connector and the vehicle it sits in; buses and control units while it is online."""

    id: int
    uuid: str
    online: bool
    since: str | None = None
    vin: str | None = None
    voltage: float | None = None
    ignition: bool | None = None
    round_trip_ms: float | None = None
    hardware_type: str | int | None = None
    buses: tuple[Bus, ...] = ()
    ecus: tuple[Ecu, ...] = ()


class Connectors(msgspec.Struct, frozen=True):
    """A page of connectors."""

    result: tuple[Connector, ...]
    total: int


class SessionRecord(msgspec.Struct, frozen=True):
    """A session as the gateway has it.

    Attributes:
        lease: ``writer`` may send, ``reader`` only listens.
    """

    id: str
    state: str
    lease: str
    connector_uuid: str
    ticket_id: int | None
    expires_at: str
    exchanges: int = 0


class TakeOver(msgspec.Struct, frozen=True):
    """A lease that is about to move."""

    by: str | None
    moves_at: str


class Lease(msgspec.Struct, frozen=True):
    """The right to send to a vehicle, as a session sees it.

    Attributes:
        lease: ``writer`` where this session has it.
        free: nobody has it.
        expires_at: until when it is good without being used.
        take_over: to whom it moves, and when.
    """

    lease: str
    free: bool = False
    expires_at: str | None = None
    take_over: TakeOver | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Code and name of a negative response (ISO 14229-1 table A.1)."""

    code: int
    name: str


class Response(msgspec.Struct, frozen=True):
    """One control unit's answer.

    Attributes:
        ecu: CAN id or logical address that it came from.
        data: its bytes.
        negative: why it refused, or ``None``.
        pending: times it asked for more time (0x78); dealt with at the vehicle.
        sent_at: when the request had left the connector, ISO 8601, UTC.
        received_at: when the answer was complete there.
        decoded: control unit, service, and values with names and units, where a description of
            the vehicle knows them; ``docs/recordings.md`` shows one.
    """

    ecu: int
    data: Hex
    negative: Refusal | None
    pending: int
    sent_at: str
    received_at: str
    decoded: dict[str, Any] | None = None  # Any: JSON, as deep as the description is


class Image(msgspec.Struct, frozen=True):
    """An uploaded image."""

    sha256: str
    size: int


class Job(msgspec.Struct, frozen=True):
    """A transfer job as it stands; ``docs/jobs.md`` explains the members."""

    id: str
    direction: str
    session: str
    state: str
    step: str | None = None
    segment: int = 0
    segments: int = 0
    block: int = 0
    blocks: int = 0
    transferred: int = 0
    total: int = 0
    bytes_per_second: float = 0
    image_at_connector: int = 0
    restarts: int = 0
    seed: Hex | None = None
    security_level: int | None = None
    failure: str | None = None
    detail: str | None = None
    safe: bool | None = None
    result: str | None = None
    result_size: int | None = None


class Token(msgspec.Struct, frozen=True):
    """An access token, good for so many seconds."""

    access_token: str
    expires_in: float


def _from_hex(kind: type, value: object) -> Hex:
    if kind is not Hex or not isinstance(value, str):
        raise NotImplementedError(f"no rule for {kind.__name__}")
    return Hex(bytes.fromhex(value))


def read(data: bytes, kind: type[T]) -> T:
    """Return JSON as a record.

    Raises:
        Unreadable: it is none.
    """
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_from_hex)
    except msgspec.DecodeError as error:
        raise Unreadable(f"The answer is not what a gateway says: {error}.") from error


def convert(document: object, kind: type[T]) -> T:
    """Return plain JSON values as a record.

    Raises:
        Unreadable: they are none.
    """
    try:
        return msgspec.convert(document, kind, dec_hook=_from_hex)
    except msgspec.ValidationError as error:
        raise Unreadable(f"The answer is not what a gateway says: {error}.") from error
