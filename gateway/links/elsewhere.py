"""What a registry tells other nodes, and what it knows from them.

By an interface: for one node alone, and for one among several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from typing_extensions import override

from gateway.domain.connector import OFFLINE, ConnectorStatus, KnownConnector
from protocols.link.vehicle import Capabilities


@dataclass(frozen=True, slots=True)
class Face:
    """A connector as it looks from outside.

    Attributes:
        known: who it is.
        status: how it is.
        capabilities: what it offers.
    """

    known: KnownConnector
    status: ConnectorStatus = OFFLINE
    capabilities: Capabilities = field(default_factory=Capabilities)


class Here(Protocol):
    """The connectors of this node, for those who speak with other nodes."""

    def present(self) -> Iterator[Face]:
        """Yield every connector of this node."""
        ...

    def leave_to_other(self, uuid: UUID) -> None:
        """Let a connector go that has dialled in at another node since."""
        ...


class Elsewhere(Protocol):
    """The connectors of other nodes; nothing here may block or raise."""

    def bind(self, here: Here) -> None:
        """Learn who knows the connectors of this node."""
        ...

    def node_of(self, uuid: UUID) -> str | None:
        """Return the other node that has this connector."""
        ...

    def face(self, uuid: UUID) -> Face | None:
        """Return how a connector of another node looks; ``None`` when no other has it."""
        ...

    def arrived(self, face: Face) -> None:
        """Tell the others that a connector has dialled in here, just now."""
        ...

    def changed(self, face: Face) -> None:
        """Tell the others how a connector of this node is; offline once it is given up."""
        ...


class Nowhere(Elsewhere):
    """There are no other nodes."""

    @override
    def bind(self, here: Here) -> None:
        return

    @override
    def node_of(self, uuid: UUID) -> str | None:
        return None

    @override
    def face(self, uuid: UUID) -> Face | None:
        return None

    @override
    def arrived(self, face: Face) -> None:
        return

    @override
    def changed(self, face: Face) -> None:
        return
