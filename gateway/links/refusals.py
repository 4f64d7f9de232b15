"""Why a connector cannot do what it is asked now, and what its caller can do about it."""

from __future__ import annotations

from gateway.domain.errors import Unavailable


def busy() -> Unavailable:
    """Too much waits for it."""
    return Unavailable(
        "connector.busy",
        "Too much waits for this connector already. Try again when it has caught up.",
        retry_after=1,
    )


def interrupted() -> Unavailable:
    """Its link is down at this moment."""
    return Unavailable(
        "connector.interrupted",
        "The connector's link is interrupted. Frames are not kept: send them again later.",
        retry_after=1,
    )


def restarted() -> Unavailable:
    """It forgot what it was asked."""
    return Unavailable(
        "connector.restarted",
        "The connector started anew while your request was on its way. It is not known whether "
        "the vehicle got it: read back before you repeat it.",
    )


def gone() -> Unavailable:
    """It did not come back within its resume window."""
    return Unavailable(
        "connector.offline",
        "The connector is offline. Its requests were given up after the resume window; it is not "
        "known whether the vehicle got them.",
    )
