"""Any interleaving of cuts, delays, reconnections and restarts, on virtual time.

Two programs talk over a wire that hypothesis holds: it decides when a message arrives, when the
wire breaks, which end notices and when, when the connector dials again (as often as it likes,
also in the middle of a handshake), when it restarts and forgets, and when the gateway gives up.

Promise, for every link and both directions: what a program gets is what the other said on that
link, in the order of each channel, nothing twice and nothing left out; and once the wire holds and
the connector has dialled for the last time, everything gets through.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from typing_extensions import override

from protocols.link.connection import LinkConnection, LinkMemory, queue_message
from protocols.link.connector import ConnectorLink
from protocols.link.credit import Inbox
from protocols.link.delivery import ChannelFull, Delivery, DeliveryLimits
from protocols.link.envelope import MAX_NUMBER
from protocols.link.events import (
    Closed,
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
    CloseCode,
    ExchangeRequest,
    ExchangeResult,
    Message,
    SessionClose,
    StatusReport,
)
from protocols.link.state import Role, State
from protocols.link.vehicle import FunctionalTarget
from tests.support.link_pair import CAPABILITIES, PRIVATE, PUBLIC, UUID_TEXT

#: Small, so that every bound is met all the time.
LIMITS = DeliveryLimits(queued=5, kept=4, kept_bytes=200)
WINDOWS = {Channel.CONTROL: 2, Channel.EXCHANGE: 3, Channel.FRAME: 2}
PING = 5.0

CHANNELS = st.sampled_from([Channel.CONTROL, Channel.EXCHANGE])
ROLES = st.sampled_from(Role)


def _message(role: Role, channel: Channel, count: int) -> Message:
    if role is Role.CONNECTOR:
        exchange: Message = ExchangeResult(count)
        control: Message = StatusReport(voltage_mv=count)
    else:
        exchange = ExchangeRequest(count, "s", FunctionalTarget(), bytes(count % 60))
        control = SessionClose(str(count))
    return exchange if channel is Channel.EXCHANGE else control


class Wire:
    """One connection: two directions, both in order, both lost when it breaks."""

    def __init__(self, connector: ConnectorLink, gateway: GatewayLink) -> None:
        self.ends: dict[Role, LinkConnection] = {Role.CONNECTOR: connector, Role.GATEWAY: gateway}
        self.to: dict[Role, list[bytes]] = {Role.CONNECTOR: [], Role.GATEWAY: []}
        self.whole = True


class Story(RuleBasedStateMachine):
    """What happens to one connector and its gateway."""

    start = 0

    @initialize(start=st.sampled_from([0, MAX_NUMBER - 3]))
    def begin(self, start: int) -> None:
        self.start = start
        self.now = 0.0
        self.counter = itertools.count(1)
        self.unique = itertools.count(1)
        self.connector_memory = self._forgetful()
        self.gateway_memory: LinkMemory | None = None
        self.wires: list[Wire] = []
        self.link: dict[Role, bytes] = {Role.CONNECTOR: b"", Role.GATEWAY: b""}
        # By who said it, on which link and channel.
        self.said: defaultdict[tuple[Role, bytes, Channel], list[Message]] = defaultdict(list)
        self.got: defaultdict[tuple[Role, bytes, Channel], list[Message]] = defaultdict(list)
        self.unconsumed: dict[Role, list[Channel]] = {Role.CONNECTOR: [], Role.GATEWAY: []}
        self.frames_said: list[bytes] = []
        self.frames_got: list[bytes] = []
        self.dial(4)

    def _random(self, size: int) -> bytes:
        return next(self.unique).to_bytes(size, "big")

    def _forgetful(self) -> LinkMemory:
        return LinkMemory(Delivery(LIMITS), Inbox(WINDOWS))

    # --- the two programs ----------------------------------------------------------------

    def _tell(self, role: Role, wire: Wire, event: Event) -> None:
        match event:
            case HelloReceived():
                self._gateway_of(wire).challenge(self._random(32), [PUBLIC])
            case Proved():
                self._admit(wire)
            case Live(resumed):
                self._on_live(role, wire.ends[role].memory, resumed=resumed)
            case MessageReceived(message, channel):
                self.got[role.peer, self.link[role], channel].append(message)
                self.unconsumed[role].append(channel)
            case FramesReceived(batch):
                self.frames_got.append(batch)
                self.unconsumed[role].append(Channel.FRAME)
            case Closed(code, _, _, by_peer):
                wire.whole = wire.whole and by_peer
                assert code in {CloseCode.SILENT, CloseCode.REPLACED}, event
            case _:
                return

    def _gateway_of(self, wire: Wire) -> GatewayLink:
        gateway = wire.ends[Role.GATEWAY]
        assert isinstance(gateway, GatewayLink)
        return gateway

    def _admit(self, wire: Wire) -> None:
        """What a registry does: the newest wins, and goes on with the memory it claims."""
        gateway = self._gateway_of(wire)
        for other in self.wires:
            if other is not wire:
                other.ends[Role.GATEWAY].close(CloseCode.REPLACED, "dialled in again")
        known = self.gateway_memory
        claim = gateway._greeted().resume
        resumed = known is not None and claim is not None and claim.token == known.delivery.token
        if not resumed or known is None:
            known = LinkMemory(Delivery(LIMITS, token=self._random(16)), Inbox(WINDOWS))
            self.unconsumed[Role.GATEWAY].clear()
        self.gateway_memory = known
        gateway.welcome(known, resumed=resumed, ping=PING, window=60.0, now=self.now)

    def _on_live(self, role: Role, memory: LinkMemory, *, resumed: bool) -> None:
        if resumed:
            assert self.link[role] == memory.delivery.token
            return
        if not self.link[role] and role is Role.CONNECTOR:
            # What was said before the very first link belongs to it.
            for channel in (Channel.CONTROL, Channel.EXCHANGE):
                early = self.said.pop((role, b"", channel), [])
                self.said[role, memory.delivery.token, channel] = early
        self.link[role] = memory.delivery.token
        memory.delivery._sent = memory.delivery.received = self.start

    def _drain(self, wire: Wire) -> None:
        for role, end in wire.ends.items():
            while (event := end.next_event()) is not None:
                self._tell(role, wire, event)

    def _memory(self, role: Role) -> LinkMemory | None:
        return self.connector_memory if role is Role.CONNECTOR else self.gateway_memory

    def _current(self, role: Role) -> LinkConnection | None:
        """Return the connection that a program would use: the newest that still lives."""
        for wire in reversed(self.wires):
            end = wire.ends[role]
            if end.state is not State.CLOSED and end.memory is self._memory(role):
                return end
        return None

    # --- what can happen -----------------------------------------------------------------

    @rule(role=ROLES, channel=CHANNELS, times=st.integers(1, 4))
    def say(self, role: Role, channel: Channel, times: int) -> None:
        memory = self._memory(role)
        if memory is None:
            return
        for _ in range(times):
            message = _message(role, channel, next(self.counter))
            with suppress(ChannelFull):
                queue_message(memory.delivery, message)
                self.said[role, self.link[role], channel].append(message)

    @rule()
    def send_frames(self) -> None:
        end = self._current(Role.CONNECTOR)
        batch = b"%d" % next(self.counter)
        if end is not None and end.send_frames(batch):
            self.frames_said.append(batch)

    @rule(role=ROLES, times=st.integers(1, 4))
    def consume(self, role: Role, times: int) -> None:
        for _ in range(min(times, len(self.unconsumed[role]))):
            channel = self.unconsumed[role].pop(0)
            end, memory = self._current(role), self._memory(role)
            if end is not None:
                end.consumed(channel)
            elif memory is not None:
                memory.inbox.consumed(channel)

    @rule(steps=st.lists(st.sampled_from(["send", *Role]), min_size=1, max_size=12))
    def flow(self, steps: list[Role | str]) -> None:
        """Move messages in whatever order: onto the wire, or off it at either end."""
        for step in steps:
            if isinstance(step, Role):
                self._arrive(step, 2)
            else:
                self._send(2)

    def _send(self, times: int) -> None:
        for wire in self.wires:
            for role, end in wire.ends.items():
                for _ in range(times):
                    if (data := end.next_outgoing()) is not None and wire.whole:
                        wire.to[role.peer].append(data)

    def _arrive(self, role: Role, times: int) -> None:
        for wire in self.wires:
            for _ in range(min(times, len(wire.to[role]))):
                wire.ends[role].receive(wire.to[role].pop(0), self.now)
                self._drain(wire)

    @rule(seconds=st.sampled_from([0.05, 0.2, 1.0, PING, 3 * PING]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for wire in list(self.wires):
            for end in wire.ends.values():
                end.handle_deadline(self.now)
            self._drain(wire)

    @rule(noticed_by=st.sets(ROLES), dials=st.booleans(), steps=st.integers(0, 12))
    def cut(self, noticed_by: set[Role], dials: bool, steps: int) -> None:
        """Break the wire; either end may notice, and the connector may dial again."""
        for wire in self.wires:
            wire.whole = False
            for queue in wire.to.values():
                queue.clear()
            for role in noticed_by:
                wire.ends[role].lost("cut")
                self._drain(wire)
        if dials:
            self.dial(steps)

    @rule(steps=st.integers(0, 12))
    def dial(self, steps: int) -> None:
        """The connector dials again; a gateway that has not noticed keeps its old end."""
        for wire in self.wires:
            wire.ends[Role.CONNECTOR].lost("dialling again")
            wire.whole = False
            self._drain(wire)
        connector = ConnectorLink(
            UUID_TEXT,
            CAPABILITIES,
            nonce=self._random(32),
            prove=partial(sign, PRIVATE),
            memory=self.connector_memory,
            now=self.now,
        )
        self.wires = [w for w in self.wires if w.ends[Role.GATEWAY].state is not State.CLOSED]
        self.wires.append(Wire(connector, GatewayLink(self.now)))
        for _ in range(steps):  # eight are a handshake
            self._send(1)
            self._arrive(Role.GATEWAY, 1)
            self._arrive(Role.CONNECTOR, 1)

    @rule(what=st.sampled_from(["connector restarts", "window passes", "neither", "neither"]))
    def forget(self, what: str) -> None:
        if what == "connector restarts":
            self.connector_memory = self._forgetful()
            self.unconsumed[Role.CONNECTOR].clear()
            self.link[Role.CONNECTOR] = b""
            for channel in (Channel.CONTROL, Channel.EXCHANGE):
                self.said.pop((Role.CONNECTOR, b"", channel), None)
            self.dial(4)
        elif what == "window passes" and self._current(Role.GATEWAY) is None:
            self.gateway_memory = None
            self.link[Role.GATEWAY] = b""
            self.unconsumed[Role.GATEWAY].clear()

    # --- what must hold ------------------------------------------------------------------

    @invariant()
    def nothing_is_doubled_or_out_of_order(self) -> None:
        for key, got in self.got.items():
            assert got == self.said[key][: len(got)]

    @invariant()
    def frames_may_be_lost_but_never_doubled_or_turned_round(self) -> None:
        rest = iter(self.frames_said)
        assert all(batch in rest for batch in self.frames_got)

    @invariant()
    def what_was_acknowledged_has_arrived(self) -> None:
        for role in Role:
            memory = self._memory(role)
            link = self.link[role]
            if memory is None or not link:
                continue
            delivery = memory.delivery
            sent = (delivery._sent - self.start) % MAX_NUMBER
            acknowledged = sent - delivery.statistics().kept
            got = sum(
                len(messages) for key, messages in self.got.items() if key[:2] == (role, link)
            )
            assert got >= acknowledged

    @override
    def teardown(self) -> None:
        """Once the wire holds, everything that was said on the link that lives gets through."""
        if not hasattr(self, "now"):
            return
        self.dial(12)
        if any(end.state is State.CLOSED for end in self.wires[-1].ends.values()):
            # The proof of an earlier dial came late and took this one's place: a connector that
            # is turned away dials once more, and nothing of the old ones is under way any longer.
            self.dial(12)
        assert self.link[Role.CONNECTOR] == self.link[Role.GATEWAY] != b""
        for _ in range(60):
            self._send(6)
            for role in Role:
                self._arrive(role, 6)
                self.consume(role, 4)
            self.wait(0.2)
        for role in Role:
            memory = self._memory(role)
            assert memory is not None
            assert memory.delivery.idle()
            for channel in (Channel.CONTROL, Channel.EXCHANGE):
                key = (role, self.link[role], channel)
                assert self.got[key] == self.said[key]


TestStory = pytest.mark.slow(Story.TestCase)
TestStory.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
