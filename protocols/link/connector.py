"""The connector's end of a connection."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from protocols.errors import RemoteProtocolError
from protocols.link.connection import LinkConnection, LinkMemory
from protocols.link.delivery import Delivery
from protocols.link.handshake import NONCE_SIZE, transcript
from protocols.link.messages import (
    VERSIONS,
    Challenge,
    CloseCode,
    Hello,
    Message,
    Ping,
    Pong,
    Proof,
    Resume,
    Welcome,
)
from protocols.link.state import Role, Trigger
from protocols.link.vehicle import Capabilities

#: Pongs that may wait to go out; a gateway that reads never finds more than one.
MAX_ANSWERS = 16


class ConnectorLink(LinkConnection):
    """Made on a fresh connection; its hello is ready to go out.

    Args:
        uuid: who this connector is.
        capabilities: what it offers.
        nonce: 32 random bytes, never used before.
        prove: returns the Ed25519 signature of the bytes it is given; empty bytes where a client
            certificate does the proving.
        memory: of the link to resume, or a fresh one; after ``Live(resumed=False)`` it names the
            new link, and holds nothing of an interrupted one.
        now: the time.
    """

    role = Role.CONNECTOR

    def __init__(
        self,
        uuid: str,
        capabilities: Capabilities,
        *,
        nonce: bytes,
        prove: Callable[[bytes], bytes],
        memory: LinkMemory,
        now: float,
    ) -> None:
        super().__init__(memory, now)
        token = memory.delivery.token
        self._prove = prove
        self._hello = Hello(
            versions=VERSIONS,
            uuid=uuid,
            nonce=nonce,
            capabilities=capabilities,
            resume=Resume(token, memory.delivery.received) if token else None,
            credit=memory.inbox.begin(),
        )
        self._step(Trigger.HELLO, self.role)
        self._say(self._hello)

    @override
    def _receive_unnumbered(self, message: Message, now: float) -> None:
        match message:
            case Challenge():
                self._answer(message)
            case Welcome():
                self._enter(message, now)
            case Ping():
                self._pong(message, now)
            case _:
                super()._receive_unnumbered(message, now)

    def _answer(self, challenge: Challenge) -> None:
        if challenge.version not in VERSIONS:
            raise RemoteProtocolError(
                f"the gateway chose version {challenge.version}, offered were {VERSIONS}",
                code=CloseCode.VERSION,
            )
        if len(challenge.nonce) != NONCE_SIZE:
            raise RemoteProtocolError("a nonce has 32 bytes", code=CloseCode.PROTOCOL)
        self._step(Trigger.PROOF, self.role)
        self._say(Proof(self._prove(transcript(self._hello, challenge))))

    def _pong(self, ping: Ping, now: float) -> None:
        if ping.interval_ms > 0 and self._health is not None:
            self._health.pace(ping.interval_ms / 1000, now)
        # A gateway that pings without reading gets no pile of answers.
        if len(self._housekeeping) < MAX_ANSWERS:
            self._say(Pong(ping.id, round(now * 1e6)))

    def _enter(self, welcome: Welcome, now: float) -> None:
        memory = self.memory
        if not welcome.resumed:
            memory.delivery = memory.delivery.renewed(welcome.token)
        elif self._claimed(welcome):
            memory.delivery.rewind(welcome.received)
        else:
            # Asked again, this gateway would say the same: the next attempt claims nothing.
            memory.delivery = Delivery(memory.delivery.limits)
            raise RemoteProtocolError(
                f"the gateway resumes a link that is not ours at number {welcome.received}",
                code=CloseCode.PROTOCOL,
            )
        ping = max(welcome.ping_ms, 1) / 1000
        self._go_live(welcome.credit, ping, resumed=welcome.resumed, now=now)

    def _claimed(self, welcome: Welcome) -> bool:
        claim = self._hello.resume
        if claim is None or claim.token != welcome.token:
            return False
        return self.memory.delivery.can_rewind(welcome.received)
