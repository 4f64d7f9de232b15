"""What a registry tells other nodes, and what it knows from them.

By an interface: for one node alone, and for one among several.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

from typing_extensions import override

from gateway.domain.connector import OFFLINE, ConnectorStatus
from gateway.links.connector import KnownConnector


class Here(Protocol):
    """The connectors of this node, for those who speak with other nodes."""

    def present(self) -> Iterator[tuple[KnownConnector, ConnectorStatus]]:
        """Yield every connector of this node, and how it is."""
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

    def status(self, uuid: UUID) -> ConnectorStatus:
        """Return how a connector of another node is; ``OFFLINE`` when no other has it."""
        ...

    def arrived(self, known: KnownConnector, status: ConnectorStatus) -> None:
        """Tell the others that a connector has dialled in here, just now."""
        ...

    def changed(self, known: KnownConnector, status: ConnectorStatus) -> None:
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
    def status(self, uuid: UUID) -> ConnectorStatus:
        return OFFLINE

    @override
    def arrived(self, known: KnownConnector, status: ConnectorStatus) -> None:
        return

    @override
    def changed(self, known: KnownConnector, status: ConnectorStatus) -> None:
        return
