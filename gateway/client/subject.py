"""What a plug-in works on: a connector, a ticket or a session that is open already, as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.client.blocking import Client, Session
from gateway.client.errors import Misconfigured

_SESSION = re.compile(r"[0-9a-f]{32}")
_CONNECTOR = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TICKET = re.compile(r"(?:ticket:)?([0-9]{1,18})")


def open_subject(client: Client, subject: str) -> tuple[Session, bool]:
    """Return a session, and whether it was opened for this and is to be ended after it.

    Args:
        client: whose session.
        subject: a connector's UUID, ``ticket:`` and a number, or a session's id.

    Raises:
        Misconfigured: none of these.
        Refused: the gateway said no.
    """
    if _SESSION.fullmatch(subject):
        return client.join(subject), False
    if _CONNECTOR.fullmatch(subject):
        return client.open(connector=subject), True
    if found := _TICKET.fullmatch(subject):
        return client.open(ticket=int(found[1])), True
    raise Misconfigured(
        f"{subject!r} is no connector's UUID, no session's id (32 digits) and no ticket:NUMBER."
    )


@contextmanager
def closing_on_error(client: Client) -> Iterator[None]:
    """Close the client where the block raises: its thread must not outlive a failed beginning."""
    try:
        yield
    except BaseException:
        client.close()
        raise
