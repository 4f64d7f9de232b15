"""Refusals with stable codes. Doors translate them; nothing below a door knows of HTTP.

Every error says in ``detail`` what the caller can do about it. ``code`` never changes once
published: scripts match on it.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """A request that cannot be carried out, for a reason the caller may know.

    Attributes:
        kind: class of the refusal, the key of the doors' status tables.
        code: stable machine-readable name, ``area.reason``.
        detail: one or two sentences that say what is wrong and what to do.
        field: the offending input where there is one (``product_ids``, ``limit``).
        retry_after: seconds after which trying again makes sense.
    """

    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, code: str, detail: str, *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.retry_after = retry_after


class Invalid(GatewayError):
    """The input is malformed or breaks a stated rule."""

    kind = "invalid"
    title = "Invalid request"


class Unauthorized(GatewayError):
    """Nobody is signed in, or the proof of it is not accepted."""

    kind = "unauthorized"
    title = "Not signed in"


class Forbidden(GatewayError):
    """The caller is known, and may not do this."""

    kind = "forbidden"
    title = "Not allowed"


class NotFound(GatewayError):
    """No such thing, or not for this caller: foreign things look like absent ones."""

    kind = "not_found"
    title = "Not found"


class Conflict(GatewayError):
    """The state of things does not allow it now."""

    kind = "conflict"
    title = "Conflict"


class TooLarge(GatewayError):
    """The input exceeds a stated size."""

    kind = "too_large"
    title = "Too large"


class Throttled(GatewayError):
    """Too many attempts; ``retry_after`` says when the next may succeed."""

    kind = "throttled"
    title = "Too many requests"


class Unavailable(GatewayError):
    """Something this request needs is not reachable now (a connector, the database)."""

    kind = "unavailable"
    title = "Temporarily unavailable"


class Elsewhere(Unavailable):
    """Another node has what this request needs; a door that can takes the request there.

    Attributes:
        node: its name.
    """

    def __init__(self, node: str) -> None:
        super().__init__(
            "node.elsewhere",
            "The connector is at another node of this gateway, which does not answer now. Try "
            "again in a few seconds.",
            retry_after=2.0,
        )
        self.node = node


class VehicleFault(GatewayError):
    """The connector is there, but the vehicle side did not deliver an answer."""

    kind = "vehicle"
    title = "The vehicle did not answer"
