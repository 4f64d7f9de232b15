"""What events can be asked for by.

tickets.ticket.closed   one type
tickets.ticket.*        a family of types, any number of further words
*                       everything
ticket:4711             one subject, whatever happens to it
"""

from __future__ import annotations

import re

from gateway.domain.errors import Invalid
from gateway.domain.events import Event

EVERYTHING = "*"

_TYPE = r"[a-z0-9_]+(\.[a-z0-9_]+)*"
_TOPIC = re.compile(rf"\*|{_TYPE}(\.\*)?|[a-z0-9_]+:[^\s*]+")


def check_topic(topic: str) -> str:
    """Return ``topic`` if it has one of the four forms.

    Raises:
        Invalid: it has not.
    """
    if _TOPIC.fullmatch(topic) is None:
        raise Invalid(
            "bus.topic_malformed",
            f"{topic!r} is no topic. Use a type (tickets.ticket.closed), a family (tickets.*), "
            "a subject (ticket:4711) or *.",
            field="topic",
        )
    return topic


def topics_of(event: Event) -> tuple[str, ...]:
    """Return every topic under which ``event`` is heard."""
    words = event.type.split(".")
    families = (".".join(words[:count]) + ".*" for count in range(1, len(words)))
    return (event.type, event.subject, EVERYTHING, *families)


def matches(event: Event, topics: frozenset[str]) -> bool:
    """Tell whether somebody who asked for ``topics`` hears ``event``."""
    return any(topic in topics for topic in topics_of(event))
