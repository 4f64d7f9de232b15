"""Which connectors are at other nodes, and the rule that the newest dial-in wins.

Each dial-in gets an epoch: greater than any this node has heard of, and not below the time of day
in milliseconds. So two dial-ins of which one node has seen both are in their true order whatever
their clocks say, and others are as far as clocks agree.

A node tells of each of its connectors when it arrives, when its status changes and when somebody
asks for all of them; and of the end, by a status that is offline. What another node told holds
until it tells otherwise or is gone itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
from typing_extensions import override

from gateway.bus.notices import Notices
from gateway.domain.clock import Clock
from gateway.domain.connector import OFFLINE, ConnectorStatus, KnownConnector
from gateway.domain.events import Event
from gateway.links.elsewhere import Elsewhere, Face, Here
from gateway.links.registry import status_event
from gateway.nodes.peers import Peers
from protocols.link.vehicle import Capabilities

HAVE, ASK = "nodes.have", "nodes.ask"


class Have(msgspec.Struct, array_like=True, frozen=True):
    """A connector is at the node that says so.

    Attributes:
        uuid: which.
        epoch: of its dial-in; the greater one is the newer.
        number, tenant_id, provider_id: as on record.
        status: how it is; offline once the node has given it up.
        capabilities: what it offers.
    """

    uuid: UUID
    epoch: int
    number: int
    tenant_id: int
    provider_id: int
    status: ConnectorStatus
    capabilities: Capabilities


class Ask(msgspec.Struct, array_like=True, frozen=True):
    """Whoever hears this says everything it has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connector is.

    Attributes:
        node: that has it.
        epoch: of its dial-in there.
        face: as told last; without keys, which are the business of its node.
    """

    node: str
    epoch: int
    face: Face


class Whereabouts(Elsewhere):
    """Owns the table of connectors at other nodes.

    Args:
        notices: between nodes.
        peers: the other nodes.
        publish: takes status events for this node alone; must not block.
        clock: wall clock.
    """

    def __init__(
        self, notices: Notices, peers: Peers, publish: Callable[[Event], None], clock: Clock
    ) -> None:
        self._notices = notices
        self._publish = publish
        self._clock = clock
        self._here: Here | None = None
        self._places: dict[UUID, Place] = {}
        self._epochs: dict[UUID, int] = {}
        self._greatest = 0
        notices.hear(HAVE, Have, self._heard)
        notices.hear(ASK, Ask, lambda node, _: self._say_all(node))
        notices.on_up.append(self._catch_up)
        peers.on_join.append(self._ask)
        peers.on_leave.append(self._forget)

    def __len__(self) -> int:
        return len(self._places)

    @override
    def bind(self, here: Here) -> None:
        self._here = here

    @override
    def node_of(self, uuid: UUID) -> str | None:
        place = self._places.get(uuid)
        return None if place is None else place.node

    @override
    def face(self, uuid: UUID) -> Face | None:
        place = self._places.get(uuid)
        return None if place is None else place.face

    @override
    def arrived(self, face: Face) -> None:
        uuid = face.known.uuid
        now = round(self._clock().timestamp() * 1000)
        self._greatest = max(self._greatest + 1, now)
        self._epochs[uuid] = self._greatest
        before = self._places.pop(uuid, None)
        if not face.status.online:
            # What it was like at the other node holds until it says otherwise here.
            status = OFFLINE if before is None else before.face.status
            face = replace(face, status=replace(status, online=True))
        self._say(face)

    @override
    def changed(self, face: Face) -> None:
        uuid = face.known.uuid
        if uuid in self._epochs:
            self._say(face)
            if not face.status.online:
                del self._epochs[uuid]

    def _say(self, face: Face, to: str = "") -> None:
        known = face.known
        have = Have(
            known.uuid,
            self._epochs[known.uuid],
            known.number,
            known.tenant_id,
            known.provider_id,
            face.status,
            face.capabilities,
        )
        self._notices.say(HAVE, have, to=to)

    # --- what others say -----------------------------------------------------------------------

    def _catch_up(self) -> None:
        """The line was down: nobody knows what was missed, here or there."""
        self._ask("")
        self._say_all("")

    def _ask(self, node: str) -> None:
        self._notices.say(ASK, Ask(), to=node)

    def _say_all(self, to: str) -> None:
        for face in () if self._here is None else self._here.present():
            if face.known.uuid in self._epochs:
                self._say(face, to)

    def _heard(self, node: str, have: Have) -> None:
        self._greatest = max(self._greatest, have.epoch)
        own = self._epochs.get(have.uuid)
        if own is not None and not self._yields(own, node, have):
            return
        place = self._places.get(have.uuid)
        if place is not None and (place.epoch, place.node) > (have.epoch, node):
            return  # of an earlier dial-in
        if have.status.online:
            self._places[have.uuid] = _place(node, have)
            if place is None and own is None and self._here is not None:
                self._here.leave_to_other(have.uuid)
        elif place is not None:
            del self._places[have.uuid]

    def _yields(self, own: int, node: str, have: Have) -> bool:
        """Let a connector of ours go that is at that node since; tell whether it is so."""
        if not have.status.online or (own, self._notices.node) > (have.epoch, node):
            return False
        del self._epochs[have.uuid]
        if self._here is not None:
            self._here.leave_to_other(have.uuid)
        return True

    def _forget(self, node: str) -> None:
        """A node is gone with everything it had; whoever follows that here hears of it."""
        lost = [place for place in self._places.values() if place.node == node]
        now = self._clock()
        for place in lost:
            del self._places[place.face.known.uuid]
            self._publish(status_event(place.face.known, ConnectorStatus(since=now), now))


def _place(node: str, have: Have) -> Place:
    known = KnownConnector(have.number, have.uuid, have.tenant_id, have.provider_id, ())
    return Place(node, have.epoch, Face(known, have.status, have.capabilities))
