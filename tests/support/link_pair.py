"""Both ends of a link wired back to back: bytes move when told to, time when told to.

pair = Pair.live()
pair.gateway.send(request(1))
pair.flow()
assert pair.transcript == ["gateway: ExchangeRequest #1"]
"""

from __future__ import annotations

import itertools
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.link.connection import LinkConnection, LinkMemory
from protocols.link.connector import ConnectorLink
from protocols.link.delivery import Delivery
from protocols.link.envelope import unpack
from protocols.link.events import (
    Event,
    FramesReceived,
    HelloReceived,
    Live,
    MessageReceived,
    Proved,
)
from protocols.link.gateway import GatewayLink
from protocols.link.handshake import sign
from protocols.link.messages import (
    Channel,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    Message,
    StatusReport,
    decode_body,
)
from protocols.link.state import Role, State
from protocols.link.vehicle import BusInfo, Capabilities, FunctionalTarget

UUID_TEXT = "0b6f4a52-7b0e-4c1e-9d4e-2f6a1f5f7a01"
PRIVATE = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(PRIVATE).public_key().public_bytes_raw()
OTHER_PRIVATE = bytes(range(1, 33))
CAPABILITIES = Capabilities(
    buses=(BusInfo("can0", "can", 500_000), BusInfo("can1", "can-fd", 500_000, 2_000_000)),
    software=12,
    hardware=3,
)

_fresh = itertools.count(1)


def nonce() -> bytes:
    """Return 32 bytes that no other connection of this run has."""
    return next(_fresh).to_bytes(32, "big")


def token() -> bytes:
    return next(_fresh).to_bytes(16, "big")


def request(number: int, size: int = 2) -> ExchangeRequest:
    return ExchangeRequest(number, "session", FunctionalTarget(), bytes(size))


def result(number: int) -> ExchangeResult:
    return ExchangeResult(number, (ExchangeResponse(0x7E8, b"\x7e\x00", 0, 1, 2),))


def status(millivolts: int) -> StatusReport:
    return StatusReport(voltage_mv=millivolts)


def described(data: bytes) -> str:
    """Return a line for a websocket message: its name, and its number if it has one."""
    envelope = unpack(data)
    if envelope.channel is Channel.FRAME:
        return "frames"
    name = type(decode_body(envelope.channel, envelope.body)).__name__
    return f"{name} #{envelope.number}" if envelope.number else name


class Pair:
    """One connection, and the two programs in miniature that use it.

    Args:
        connector_memory: of an interrupted link, on the connector's side.
        gateway_memory: of the same link on the gateway's; resumed if the claim names it.
        keys: what the gateway has on record.
        private: what the connector signs with.
        consuming: the programs deal with each message as it comes.
    """

    def __init__(
        self,
        *,
        connector_memory: LinkMemory | None = None,
        gateway_memory: LinkMemory | None = None,
        keys: tuple[bytes, ...] | None = (PUBLIC,),
        private: bytes = PRIVATE,
        ping: float = 5.0,
        now: float = 1000.0,
        consuming: bool = True,
    ) -> None:
        self.now = now
        self.ping = ping
        self.idle_ping: float | None = None
        self.keys = keys
        self.consuming = consuming
        self.gateway_memory = gateway_memory
        self.connector = ConnectorLink(
            UUID_TEXT,
            CAPABILITIES,
            nonce=nonce(),
            prove=partial(sign, private),
            memory=connector_memory or LinkMemory(),
            now=now,
        )
        self.gateway = GatewayLink(now)
        self.events: dict[Role, list[Event]] = {Role.CONNECTOR: [], Role.GATEWAY: []}
        self.transcript: list[str] = []

    @classmethod
    def live(
        cls,
        *,
        connector_memory: LinkMemory | None = None,
        gateway_memory: LinkMemory | None = None,
        ping: float = 5.0,
        consuming: bool = True,
    ) -> Pair:
        """Return a pair past its handshake and first ping, with nothing noted yet."""
        pair = cls(
            connector_memory=connector_memory,
            gateway_memory=gateway_memory,
            ping=ping,
            consuming=consuming,
        )
        pair.flow()
        assert pair.connector.state is pair.gateway.state is State.LIVE
        pair.gateway.handle_deadline(pair.now)
        pair.flow()
        pair.forget()
        return pair

    def again(self, *, consuming: bool = True) -> Pair:
        """Return the next connection of the same link, past its handshake."""
        return Pair.live(
            connector_memory=self.connector.memory,
            gateway_memory=self.gateway.memory,
            consuming=consuming,
        )

    def forget(self) -> None:
        self.transcript.clear()
        for events in self.events.values():
            events.clear()

    def flow(self) -> None:
        """Move messages both ways until nothing moves."""
        while self.step(self.connector) | self.step(self.gateway):
            pass

    def step(self, end: LinkConnection) -> bool:
        """Move the next message of one end; tell whether it had one."""
        data = end.next_outgoing()
        if data is None:
            return False
        self.transcript.append(f"{end.role.name.lower()}: {described(data)}")
        self.deliver(data, self.other(end))
        return True

    def other(self, end: LinkConnection) -> LinkConnection:
        return self.gateway if end is self.connector else self.connector

    def deliver(self, data: bytes, to: LinkConnection) -> None:
        to.receive(data, self.now)
        self.drain(to)

    def drain(self, end: LinkConnection) -> None:
        while (event := end.next_event()) is not None:
            self.events[end.role].append(event)
            self._react(end, event)

    def _react(self, end: LinkConnection, event: Event) -> None:
        match event:
            case HelloReceived():
                self.gateway.challenge(nonce(), self.keys)
            case Proved(hello):
                known = self.gateway_memory
                claim = hello.resume
                resumed = (
                    known is not None and claim is not None and claim.token == known.delivery.token
                )
                memory = known if resumed and known else LinkMemory(Delivery(token=token()))
                self.gateway.welcome(
                    memory,
                    resumed=resumed,
                    ping=self.ping,
                    window=60.0,
                    now=self.now,
                    idle_ping=self.idle_ping,
                )
            case MessageReceived(_, channel) if self.consuming:
                end.consumed(channel)
            case FramesReceived() if self.consuming:
                end.consumed(Channel.FRAME)

    def advance(self, seconds: float) -> None:
        """Run the clock on, stopping at every deadline of either end; everything flows."""
        until = self.now + seconds
        while (due := self.next_due()) <= until:
            self.now = max(self.now, due)
            for end in (self.connector, self.gateway):
                end.handle_deadline(self.now)
                self.drain(end)
            self.flow()
        self.now = until

    def next_due(self) -> float:
        deadlines = (self.connector.next_deadline(), self.gateway.next_deadline())
        return min((due for due in deadlines if due is not None), default=float("inf"))

    def cut(self) -> None:
        """Lose the connection; whatever had not been moved is gone."""
        for end in (self.connector, self.gateway):
            end.lost("cut")
            self.drain(end)

    def received(self, role: Role) -> list[Message]:
        """Return the messages that one end's program got."""
        return [e.message for e in self.events[role] if isinstance(e, MessageReceived)]

    def resumed(self, role: Role) -> bool:
        """Tell whether the link went on, as that end saw it."""
        return next(e for e in self.events[role] if isinstance(e, Live)).resumed


def outgoing(end: LinkConnection) -> list[bytes]:
    """Take everything one end has to say, without delivering it."""
    taken = []
    while (data := end.next_outgoing()) is not None:
        taken.append(data)
    return taken
