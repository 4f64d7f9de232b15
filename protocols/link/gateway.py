"""The gateway's end of a connection."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import override

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import events
from protocols.link.connection import LinkConnection, LinkMemory, Traffic
from protocols.link.envelope import MAX_NUMBER
from protocols.link.handshake import NONCE_SIZE, transcript, verify
from protocols.link.messages import (
    VERSIONS,
    Challenge,
    CloseCode,
    Hello,
    Message,
    Ping,
    Pong,
    Proof,
    Welcome,
)
from protocols.link.state import Role, State, Trigger

#: A UUID in its usual spelling; anything longer is no connector of ours.
_UUID_LENGTH = 36


class GatewayLink(LinkConnection):
    """Made on a connection that has just been accepted.

    On ``HelloReceived`` the program calls :meth:`challenge`, on ``Proved`` it calls
    :meth:`welcome`; it may ``close()`` at either point instead.

    Args:
        now: the time.
        traffic: counters to count in; several connections may share them.
    """

    role = Role.GATEWAY

    def __init__(self, now: float, traffic: Traffic | None = None) -> None:
        super().__init__(LinkMemory(), now, traffic)
        self._ping = self._idle_ping = 0.0
        self._hello: Hello | None = None
        self._challenge: Challenge | None = None
        self._keys: tuple[bytes, ...] | None = None

    @override
    def _receive_unnumbered(self, message: Message, now: float) -> None:
        match message:
            case Hello():
                self._greet(message)
            case Proof(signature):
                self._check(signature)
            case Pong(number, clock_us):
                self._measure(number, clock_us, now)
            case _:
                super()._receive_unnumbered(message, now)

    def _greet(self, hello: Hello) -> None:
        if len(hello.nonce) != NONCE_SIZE or len(hello.uuid) > _UUID_LENGTH:
            raise RemoteProtocolError(
                f"a hello has a nonce of {NONCE_SIZE} bytes and a UUID of {_UUID_LENGTH} letters",
                code=CloseCode.PROTOCOL,
            )
        if hello.resume is not None and not 0 <= hello.resume.received <= MAX_NUMBER:
            raise RemoteProtocolError(
                f"a resume claim of number {hello.resume.received}", code=CloseCode.PROTOCOL
            )
        if not set(hello.versions) & set(VERSIONS):
            raise RemoteProtocolError(
                f"no version in common: this gateway speaks {VERSIONS}", code=CloseCode.VERSION
            )
        self._hello = hello
        self._events.append(events.HelloReceived(hello))

    def challenge(self, nonce: bytes, public_keys: Iterable[bytes] | None) -> None:
        """Ask the connector to prove itself.

        Args:
            nonce: 32 random bytes.
            public_keys: raw Ed25519 keys, any of which may have signed; none at all refuses every
                proof (an unknown connector must look like a wrong key); ``None`` where TLS has
                proved the identity already.
        """
        self._step(Trigger.CHALLENGE, self.role)
        self._keys = None if public_keys is None else tuple(public_keys)
        common = [version for version in VERSIONS if version in self._greeted().versions]
        self._challenge = Challenge(common[0], nonce)
        self._say(self._challenge)

    def _check(self, signature: bytes) -> None:
        hello, challenge = self._greeted(), self._challenge
        # The table lets a proof in only after our challenge.
        signed = transcript(hello, challenge) if challenge is not None else b""
        if self._keys is not None and not verify(self._keys, signature, signed):
            raise RemoteProtocolError(
                "this connector is not known here, or its key is not the one on record",
                code=CloseCode.AUTHENTICATION,
            )
        self._events.append(events.Proved(hello))

    def welcome(
        self,
        memory: LinkMemory,
        *,
        resumed: bool,
        ping: float,
        window: float,
        now: float,
        idle_ping: float | None = None,
    ) -> None:
        """Let the connector in, on a new memory or on that of its interrupted link.

        Args:
            memory: its ``delivery.token`` names the link.
            resumed: ``memory`` is the one the connector claimed.
            ping: seconds between pings while the link is worked on (:meth:`attend`).
            window: seconds for which an interrupted link can be resumed.
            now: the time.
            idle_ping: seconds between pings otherwise, which is how it begins; as ``ping`` when
                left out, and never less.
        """
        self._ping = ping
        self._idle_ping = max(ping, idle_ping or ping)
        hello = self._greeted()
        self._step(Trigger.WELCOME, self.role)
        self.memory = memory
        delivery = memory.delivery
        if resumed and hello.resume is not None:
            try:
                delivery.rewind(hello.resume.received)
            except RemoteProtocolError as error:
                self._end(CloseCode.PROTOCOL, str(error))
                return
        self._say(
            Welcome(
                token=delivery.token,
                resumed=resumed,
                received=delivery.received,
                ping_ms=round(self._idle_ping * 1000),
                window_ms=round(window * 1000),
                credit=memory.inbox.begin(),
            )
        )
        self._go_live(hello.credit, self._idle_ping, resumed=resumed, now=now)
        # Of no use any more, and as large as the rest of an idle link's machine.
        self._hello = self._challenge = None
        self._keys = ()

    def attend(self, now: float, *, working: bool) -> None:
        """Find a loss soon while somebody works on this link, and cheaply while nobody does.

        A change makes a ping due at once: it tells the connector, and finds out who is there.
        """
        if self._health is not None:
            self._health.pace(self._ping if working else self._idle_ping, now)

    def _greeted(self) -> Hello:
        if self._hello is None:
            raise LocalProtocolError("no hello waits for an answer")
        return self._hello

    def _measure(self, number: int, clock_us: int, now: float) -> None:
        sample = self._health.pong(number, clock_us, now) if self._health is not None else None
        if sample is not None:
            self._events.append(events.RoundTripMeasured(sample.seconds, sample.clock_offset_us))

    @override
    def next_deadline(self) -> float | None:
        due = super().next_deadline()
        if due is None or self._health is None:
            return due
        return min(due, self._health.next_ping)

    @override
    def handle_deadline(self, now: float) -> None:
        super().handle_deadline(now)
        health = self._health
        if self.state is State.LIVE and health is not None and now >= health.next_ping:
            self._say(Ping(health.ping(now), round(health.interval * 1000)))
