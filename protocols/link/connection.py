"""What both ends of one connection do: traffic, acknowledgement, credit, health, goodbye.

    link.receive(data, now)          one websocket message from the peer
    link.next_event()                what it meant, until None
    link.send(message)               a numbered message for the peer
    link.next_outgoing()             one websocket message for the peer, until None
    link.next_deadline()             when to call handle_deadline, or None
    link.handle_deadline(now)

``receive`` never raises for what a peer did: a fault ends the link with a goodbye that says why,
and a ``Closed`` event. Misuse by our own program raises ``LocalProtocolError``.

The two ends differ in the handshake and in who pings: :mod:`protocols.link.connector` and
:mod:`protocols.link.gateway`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import events
from protocols.link.credit import Allowance, Inbox
from protocols.link.delivery import Delivery
from protocols.link.envelope import HEADER_SIZE, Envelope, pack, unpack
from protocols.link.health import Health
from protocols.link.messages import (
    MAX_ENVELOPE,
    Ack,
    Challenge,
    Channel,
    CloseCode,
    Credit,
    Goodbye,
    Hello,
    Message,
    Proof,
    Welcome,
    decode_body,
    encode_body,
)
from protocols.link.state import SENDER, TABLE, Role, State, Trigger

#: A peer that has not finished the handshake by then is sent away, seconds.
HANDSHAKE_LIMIT = 10.0

#: An acknowledgement waits this long for a message to ride on; far below the time in which a
#: busy peer reaches its bound on unacknowledged messages.
ACK_DELAY = 0.1

#: ... and goes out alone after this many messages at the latest.
ACK_EVERY = 32

#: Letters of the peer's goodbye that are kept; anybody on the network can send one.
MAX_REASON = 200

_TRIGGERS: dict[type[Message], Trigger] = {
    Hello: Trigger.HELLO,
    Challenge: Trigger.CHALLENGE,
    Proof: Trigger.PROOF,
    Welcome: Trigger.WELCOME,
    Goodbye: Trigger.GOODBYE,
}


@dataclass(slots=True)
class LinkMemory:
    """What outlives a connection, so that the link can be resumed on the next one."""

    delivery: Delivery = field(default_factory=Delivery)
    inbox: Inbox = field(default_factory=Inbox)


@dataclass(slots=True)
class Traffic:
    """What went over connections, counted since it was made; plain numbers, so it costs little.

    Attributes:
        messages_in: websocket messages received.
        bytes_in: their bytes, without the websocket's own.
        messages_out: websocket messages handed out to be sent.
        bytes_out: their bytes.
        acks_in: acknowledgements that came alone.
        acks_out: acknowledgements that found nothing to ride on.
        replayed: messages sent again after a reconnection.
        duplicates: messages received again, and not delivered again.
    """

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0
    acks_in: int = 0
    acks_out: int = 0
    replayed: int = 0
    duplicates: int = 0


class LinkConnection:
    """One connection of a link, either end; dead once it has given its ``Closed`` event."""

    role: Role

    def __init__(self, memory: LinkMemory, now: float, traffic: Traffic | None = None) -> None:
        self.state = TABLE.initial
        self.memory = memory
        self.traffic = Traffic() if traffic is None else traffic
        self._allowance = Allowance({})
        self._health: Health | None = None
        # Lists: either has a few at most, and an empty deque takes 600 bytes of every link.
        self._events: list[events.Event] = []
        self._housekeeping: list[bytes] = []
        self._grants: dict[Channel, int] = {}
        self._frames: bytes | None = None
        self._handshake_deadline = now + HANDSHAKE_LIMIT
        self._ack_deadline: float | None = None
        self._unacknowledged = 0

    @property
    def patience(self) -> float:
        """Seconds of silence after which the peer counts as gone."""
        return HANDSHAKE_LIMIT if self._health is None else self._health.patience

    # --- in -------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take one websocket message from the peer."""
        if self.state is State.CLOSED:
            return
        self.traffic.messages_in += 1
        self.traffic.bytes_in += len(data)
        try:
            self._receive(unpack(data), now)
        except RemoteProtocolError as error:
            self._end(error.code or CloseCode.PROTOCOL, str(error))

    def _receive(self, envelope: Envelope, now: float) -> None:
        if self._health is not None:
            self._health.heard(now)
            self.memory.delivery.acknowledged(envelope.acknowledged)
        if envelope.channel is Channel.FRAME:
            self._receive_frames(envelope)
            return
        message = decode_body(envelope.channel, envelope.body)
        if message.numbered is not (envelope.number > 0):
            raise RemoteProtocolError(
                f"{type(message).__name__} with number {envelope.number}", code=CloseCode.PROTOCOL
            )
        if message.numbered:
            self._receive_numbered(envelope, message, now)
        else:
            self._step(_TRIGGERS.get(type(message), Trigger.TRAFFIC), self.role.peer)
            self._receive_unnumbered(message, now)

    def _receive_frames(self, envelope: Envelope) -> None:
        self._step_traffic()
        self.memory.inbox.received(Channel.FRAME)
        self._events.append(events.FramesReceived(envelope.body))

    def _receive_numbered(self, envelope: Envelope, message: Message, now: float) -> None:
        self._step_traffic()
        if not self.memory.delivery.expects(envelope.number):
            self.traffic.duplicates += 1
            return
        # Only then taken: what had no credit must not count as received, and be lost.
        self.memory.inbox.received(envelope.channel)
        self.memory.delivery.received = envelope.number
        self._unacknowledged += 1
        if self._unacknowledged >= ACK_EVERY:
            self._unacknowledged = 0
            self._acknowledge()
        elif self._ack_deadline is None:
            self._ack_deadline = now + ACK_DELAY
        self._events.append(events.MessageReceived(message, envelope.channel))

    def _receive_unnumbered(self, message: Message, now: float) -> None:
        """Handle what both ends may get; each end adds its own."""
        del now  # each end's own messages need it
        match message:
            case Goodbye(code, reason, retry_after_ms):
                self._events.append(
                    events.Closed(code, reason[:MAX_REASON], retry_after_ms, by_peer=True)
                )
            case Credit(on, limit):
                self._allowance.grant(on, limit)
            case Ack():
                self.traffic.acks_in += 1  # the envelope said it all
            case _:
                raise RemoteProtocolError(
                    f"{type(message).__name__} is not for a {self.role.name.lower()}",
                    code=CloseCode.PROTOCOL,
                )

    def _step(self, trigger: Trigger, sender: Role) -> None:
        """Move on, or blame whoever sent what has no place here."""
        if SENDER.get(trigger, sender) is sender and TABLE.allows(self.state, trigger):
            self.state = TABLE.step(self.state, trigger)
            return
        text = f"{sender.name} sent {trigger.name} in state {self.state.name}"
        if sender is self.role:
            raise LocalProtocolError(text)
        raise RemoteProtocolError(text, code=CloseCode.PROTOCOL)

    def _step_traffic(self) -> None:
        # A live link stays so, as the table says; to look that up for each message would take
        # 2 microseconds, of the 45 in which a batch of frames should be relayed.
        if self.state is not State.LIVE:
            self._step(Trigger.TRAFFIC, self.role.peer)

    def next_event(self) -> events.Event | None:
        """Return what happened next, or ``None``."""
        return self._events.pop(0) if self._events else None

    # --- out ------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Queue a numbered message; before the link is live it waits.

        Raises:
            ChannelFull: its channel's queue is full.
            LocalProtocolError: the link is over, or the message is too large.
        """
        if self.state is State.CLOSED:
            raise LocalProtocolError("the link is over")
        queue_message(self.memory.delivery, message)

    def send_frames(self, batch: bytes) -> bool:
        """Hand over one batch of frames to go out next; tell whether it was taken.

        Not taken: no credit, a batch is waiting already, or the link is not live. The caller
        keeps its frames then, and drops the oldest when its own bound is reached.

        Raises:
            LocalProtocolError: the batch is too large for any message.
        """
        _check_size(batch)
        if not self.frames_wanted():
            return False
        self._frames = batch
        return True

    def frames_wanted(self) -> bool:
        """Tell whether :meth:`send_frames` would take a batch now."""
        return (
            self.state is State.LIVE
            and self._frames is None
            and self._allowance.may_send(Channel.FRAME)
        )

    def consumed(self, channel: Channel) -> None:
        """Tell that the program has dealt with a message of ``channel``."""
        limit = self.memory.inbox.consumed(channel)
        if limit is not None:
            # Kept until the link is live: the grants of our hello do not know of it. The latest
            # is enough, so a peer that does not read cannot make us pile them up.
            self._grants[channel] = limit

    def close(self, code: CloseCode, reason: str, *, retry_after: float | None = None) -> None:
        """Say goodbye; nothing else is sent or received after it.

        Args:
            code: why, for programs.
            reason: why, for people.
            retry_after: seconds after which the peer should try again.
        """
        if self.state is not State.CLOSED:
            self._end(code, reason, retry_after)

    def lost(self, reason: str) -> None:
        """Take note that the connection is gone, without a goodbye."""
        if self.state is not State.CLOSED:
            self._step(Trigger.LOST, self.role)
            self._events.append(events.Closed(CloseCode.SILENT, reason))

    def _end(self, code: int, reason: str, retry_after: float | None = None) -> None:
        self._step(Trigger.GOODBYE, self.role)
        after_ms = None if retry_after is None else round(retry_after * 1000)
        self._say(Goodbye(code, reason, after_ms))
        self._events.append(events.Closed(code, reason, after_ms))

    def _go_live(self, credit: dict[int, int], ping: float, *, resumed: bool, now: float) -> None:
        self._allowance = Allowance(credit)
        self._health = Health(ping, now)
        self._events.append(events.Live(resumed))

    def _say(self, message: Message) -> None:
        self._housekeeping.append(encode_body(message))

    def _acknowledge(self) -> None:
        if not self._housekeeping:  # else what waits there will carry it
            self.traffic.acks_out += 1
            self._say(Ack())

    def next_outgoing(self) -> bytes | None:
        """Return the next websocket message, most urgent first, or ``None``."""
        if self._housekeeping:
            return self._pack(Channel.CONTROL, 0, self._housekeeping.pop(0))
        if self.state is not State.LIVE:
            return None
        if self._grants:
            granted = Credit(*self._grants.popitem())
            return self._pack(Channel.CONTROL, 0, encode_body(granted))
        replaying = self.memory.delivery.replaying
        message = self.memory.delivery.take(self._allowance.may_send)
        if message is not None:
            self.traffic.replayed += replaying
            self._allowance.use(message.channel)
            return self._pack(message.channel, message.number, message.body)
        if self._frames is not None:
            batch, self._frames = self._frames, None
            self._allowance.use(Channel.FRAME)
            return self._pack(Channel.FRAME, 0, batch)
        return None

    def _pack(self, channel: Channel, number: int, body: bytes) -> bytes:
        self._unacknowledged = 0
        self._ack_deadline = None
        self.traffic.messages_out += 1
        self.traffic.bytes_out += HEADER_SIZE + len(body)
        return pack(channel, number, self.memory.delivery.received, body)

    # --- time -----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` is due, or ``None`` once the link is over."""
        if self.state is State.CLOSED:
            return None
        if self._health is None:
            return self._handshake_deadline
        silent_at = self._health.silent_at
        return silent_at if self._ack_deadline is None else min(silent_at, self._ack_deadline)

    def handle_deadline(self, now: float) -> None:
        """Do whatever is due at ``now``."""
        if self.state is State.CLOSED:
            return
        if self._health is None:
            if now >= self._handshake_deadline:
                self._end(CloseCode.SILENT, "the handshake took too long")
        elif now >= self._health.silent_at:
            self._end(CloseCode.SILENT, "nothing was heard for three ping intervals")
        elif self._ack_deadline is not None and now >= self._ack_deadline:
            self._ack_deadline = None
            self._acknowledge()


def queue_message(delivery: Delivery, message: Message) -> None:
    """Put a numbered message in line, with or without a connection.

    Raises:
        ChannelFull: its channel's queue is full.
        LocalProtocolError: it is not a numbered message, or too large to send.
    """
    if not message.numbered:
        raise LocalProtocolError(f"{type(message).__name__} is not for programs to send")
    body = encode_body(message)
    _check_size(body)
    delivery.queue(message.channel, body)


def _check_size(body: bytes) -> None:
    if len(body) + HEADER_SIZE > MAX_ENVELOPE:
        raise LocalProtocolError(f"{len(body)} bytes do not fit into a message of the link")
