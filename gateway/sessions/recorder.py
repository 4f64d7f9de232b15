"""What sessions tell whoever records them: one call for each thing that happens.

Calls come from the path that every exchange takes, so they never wait, and never raise but where
they say so.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.domain.errors import GatewayError
from gateway.links.connector import LiveConnector
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import Target


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request on its way to a vehicle.

    Attributes:
        target: whom it is for.
        request: its bytes.
        by: what asked: ``rest``, ``ws`` or a door.
        seen: raw frames of its bus are recorded meanwhile, so that they need not be made up.
    """

    target: Target
    request: bytes
    by: str
    seen: bool = False


class Track(Protocol):
    """The recording of one session."""

    def require_room(self) -> None:
        """Check that an exchange can be recorded, before it is sent.

        Raises:
            Unavailable: the disk is too far behind.
        """
        ...

    def exchanged(
        self, asked: Asked, outcome: ExchangeResult | GatewayError | None, at: int, offset_us: int
    ) -> None:
        """Take what came of a request.

        Args:
            asked: the request.
            outcome: its result, or why there is none; ``None`` where whoever asked left first.
            at: when, microseconds since 1970.
            offset_us: what turns the connector's time stamps into microseconds since 1970.
        """
        ...

    def happened(self, what: str, detail: dict[str, object]) -> None:
        """Take something else that belongs to the story."""
        ...

    def end(self, reason: str) -> None:
        """The session is over; nothing comes after this."""
        ...


class Recorded(Protocol):
    """What a recording says of its session."""

    @property
    def id(self) -> str:
        """Its name, 32 hexadecimal digits."""
        ...

    @property
    def client_id(self) -> str:
        """Its operator."""
        ...

    @property
    def provider_id(self) -> int:
        """The operator's provider."""
        ...

    @property
    def connector_id(self) -> int:
        """The connector's number."""
        ...

    @property
    def ticket_id(self) -> int | None:
        """On whose account."""
        ...

    def tell(self, kind: str, body: dict[str, object]) -> None:
        """Let whoever watches the session know."""
        ...


class Recorder(Protocol):
    """Makes recordings."""

    def begin(self, session: Recorded, live: LiveConnector) -> Track:
        """Begin the recording of a session that is about to open.

        Raises:
            Unavailable: sessions must be recorded, and this one cannot be.
        """
        ...


class Unrecorded(Track, Recorder):
    """Keeps nothing: for a gateway whose recordings are switched off."""

    @override
    def begin(self, session: Recorded, live: LiveConnector) -> Track:
        return self

    @override
    def require_room(self) -> None:
        return

    @override
    def exchanged(
        self, asked: Asked, outcome: ExchangeResult | GatewayError | None, at: int, offset_us: int
    ) -> None:
        return

    @override
    def happened(self, what: str, detail: dict[str, object]) -> None:
        return

    @override
    def end(self, reason: str) -> None:
        return


UNRECORDED = Unrecorded()
