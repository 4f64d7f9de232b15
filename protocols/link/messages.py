"""Every message of the link as a frozen record, and the codec for them.

Bodies are MessagePack arrays that begin with the message's tag. Members may be added at the end
of a record with a default, so that an older peer ignores them and a newer one copes without;
anything else needs a new protocol version.
"""

from __future__ import annotations

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.channels import Channel, CloseCode, Message
from protocols.link.jobs import (
    FileChunk,
    FileRefused,
    FileRequest,
    JobControl,
    JobForget,
    JobKey,
    JobReport,
    JobStart,
)
from protocols.link.vehicle import Capabilities, FrameFilter, Target

#: What is spoken of elsewhere as part of the messages.
__all__ = ["Channel", "CloseCode", "Message"]

SUBPROTOCOL = "connector-link.v1"

#: Versions this code speaks, best first.
VERSIONS: tuple[int, ...] = (1,)

#: Largest envelope either side accepts, bytes. A UDS request over DoIP may exceed 64 KiB and a
#: transfer block of a job does not; 1 MiB is what trio-websocket accepts by default.
MAX_ENVELOPE = 1 << 20


# --- handshake and housekeeping: never numbered --------------------------------------------


class Resume(msgspec.Struct, frozen=True, array_like=True):
    """Claim of an interrupted link: its token and the last number received on it."""

    token: bytes
    received: int


class Hello(Message, frozen=True, tag=1):
    """Connector, first message.

    Attributes:
        versions: protocol versions it speaks.
        uuid: who it claims to be, 36 characters.
        nonce: 32 random bytes, new for each connection.
        capabilities: what it offers.
        resume: the link it wants to go on with, if any.
        credit: messages it is ready to take, by channel.
    """

    versions: tuple[int, ...]
    uuid: str
    nonce: bytes
    capabilities: Capabilities
    resume: Resume | None = None
    credit: dict[int, int] = msgspec.field(default_factory=dict)


class Challenge(Message, frozen=True, tag=2):
    """Gateway: the version to speak, and 32 random bytes to sign."""

    version: int
    nonce: bytes


class Proof(Message, frozen=True, tag=3):
    """Connector: Ed25519 signature over the handshake (see :mod:`protocols.link.handshake`).

    Empty where a TLS client certificate has proved the identity already.
    """

    signature: bytes


class Welcome(Message, frozen=True, tag=4):
    """Gateway: the link is up.

    Attributes:
        token: 16 bytes that name this link for a later resume.
        resumed: the claimed link goes on; otherwise both sides start from nothing.
        received: last number the gateway had received on the resumed link.
        ping_ms: the longest time between two pings; three silent intervals mean the link is
            dead. A ping may announce a shorter interval.
        window_ms: how long an interrupted link can be resumed.
        credit: messages the gateway is ready to take, by channel.
    """

    token: bytes
    resumed: bool
    received: int
    ping_ms: int
    window_ms: int
    credit: dict[int, int]


class Goodbye(Message, frozen=True, tag=5):
    """Either side, last message: a code, a reason for people, and when to come back."""

    code: int
    reason: str = ""
    retry_after_ms: int | None = None


class Ping(Message, frozen=True, tag=6):
    """Gateway: answer at once.

    Attributes:
        id: comes back in the pong.
        interval_ms: how often the gateway pings from now on; 0: as often as before.
    """

    id: int
    interval_ms: int = 0


class Pong(Message, frozen=True, tag=7):
    """Connector: the ping's id, and its own clock in microseconds when it answered."""

    id: int
    clock_us: int


class Ack(Message, frozen=True, tag=8):
    """Carries nothing itself: the acknowledgement is in the envelope."""


class Credit(Message, frozen=True, tag=9):
    """The sender may have sent up to ``limit`` messages on ``on`` since this connection began."""

    on: int
    limit: int


# --- control: numbered ---------------------------------------------------------------------


class StatusReport(Message, frozen=True, tag=20):
    """Connector: how it is. Sent when something changed.

    Attributes:
        vin: read from the vehicle.
        voltage_mv: at the plug, millivolts.
        ignition: terminal 15.
        wifi: the network is reached by wifi.
        buses: how its buses are.
    """

    numbered = True
    vin: str | None = None
    voltage_mv: int | None = None
    ignition: bool | None = None
    wifi: bool = False
    buses: tuple[BusState, ...] = ()


class SessionOpen(Message, frozen=True, tag=21):
    """Gateway: an operator's session begins.

    Attributes:
        session: its id.
        writer: it holds the lease, so tester present runs for what it opens.
        grace_ms: how long tester present goes on after the link is lost.
    """

    numbered = True
    session: str
    writer: bool
    grace_ms: int


class SessionClose(Message, frozen=True, tag=22):
    """Gateway: the session is over; the vehicle goes to its safe state."""

    numbered = True
    session: str


class SessionClosed(Message, frozen=True, tag=23):
    """Connector: the session is over and the vehicle is in its safe state.

    Attributes:
        session: its id.
        safe: every control unit the session had opened is back in its default session.
        detail: which are not, and why.
    """

    numbered = True
    session: str
    safe: bool
    detail: str = ""


class MonitorStart(Message, frozen=True, tag=24):
    """Gateway: send raw frames of a bus.

    Attributes:
        bus: its name.
        index: the number frame batches of this bus carry.
        filters: none means every frame.
        flush_ms: a batch is sent at the latest after this time.
    """

    numbered = True
    bus: str
    index: int
    filters: tuple[FrameFilter, ...] = ()
    flush_ms: int = 10


class MonitorStop(Message, frozen=True, tag=25):
    """Gateway: no more frames of this bus."""

    numbered = True
    bus: str


# --- exchanges: numbered -------------------------------------------------------------------


class ExchangeRequest(Message, frozen=True, tag=40):
    """Gateway: one request to the vehicle.

    Attributes:
        id: matches the result; unique within the link.
        session: on whose behalf.
        target: which control unit.
        request: UDS or OBD bytes, service identifier first.
    """

    channel = Channel.EXCHANGE
    numbered = True
    id: int
    session: str
    target: Target
    request: bytes


class ExchangeResponse(msgspec.Struct, frozen=True, array_like=True):
    """One answer.

    Attributes:
        source: CAN id or logical address it came from.
        data: its bytes.
        pending: how many times the ECU asked for more time (0x78) before it.
        sent_us: when the request had left, connector clock, microseconds.
        received_us: when the answer was complete, connector clock, microseconds.
    """

    source: int
    data: bytes
    pending: int
    sent_us: int
    received_us: int


class ExchangeResult(Message, frozen=True, tag=41):
    """Connector: how it went.

    Attributes:
        id: of the request.
        responses: none where a positive response was suppressed, many where functional.
        failure: empty, or a stable word: ``no_response``, ``pending_too_long``,
            ``busy_too_long``, ``transport``, ``unknown_bus``, ``unknown_ecu``, ``refused``.
        detail: for people.
    """

    channel = Channel.EXCHANGE
    numbered = True
    id: int
    responses: tuple[ExchangeResponse, ...] = ()
    failure: str = ""
    detail: str = ""


ControlMessage = (
    Hello
    | Challenge
    | Proof
    | Welcome
    | Goodbye
    | Ping
    | Pong
    | Ack
    | Credit
    | StatusReport
    | SessionOpen
    | SessionClose
    | SessionClosed
    | MonitorStart
    | MonitorStop
    | BusConfigure
    | BusConfigured
)
ExchangeMessage = ExchangeRequest | ExchangeResult
JobMessage = JobStart | JobControl | JobKey | JobForget | JobReport
FileMessage = FileRequest | FileChunk | FileRefused

_encoder = msgspec.msgpack.Encoder()
#: One decoder a channel, so that a message on a wrong channel does not even decode.
_decoders: dict[
    Channel,
    msgspec.msgpack.Decoder[ControlMessage | ExchangeMessage | JobMessage | FileMessage],
] = {
    Channel.CONTROL: msgspec.msgpack.Decoder(ControlMessage),
    Channel.EXCHANGE: msgspec.msgpack.Decoder(ExchangeMessage),
    Channel.JOB: msgspec.msgpack.Decoder(JobMessage),
    Channel.FILE: msgspec.msgpack.Decoder(FileMessage),
}


def encode_body(message: Message) -> bytes:
    """Return the MessagePack body of a message."""
    return _encoder.encode(message)


def decode_body(channel: Channel, body: bytes) -> Message:
    """Return the message in ``body``.

    Raises:
        RemoteProtocolError: no such message on this channel, or a member of the wrong type.
    """
    decoder = _decoders.get(channel)
    if decoder is None:
        raise RemoteProtocolError(
            f"no messages are defined on channel {channel.name}", code=CloseCode.PROTOCOL
        )
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # RecursionError: members we do not know are skipped, however deep they are nested.
        raise RemoteProtocolError(
            f"malformed {channel.name} message: {error}", code=CloseCode.PROTOCOL
        ) from None
