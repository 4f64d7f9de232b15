"""Where a bus is, as people write it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class BusAddress:
    """A bus as people write it: ``INTERFACE:CHANNEL``, both as python-can knows them.

    Attributes:
        interface: python-can's name for the kind of adapter.
        channel: which of them.
        options: what else the interface wants to be told.
    """

    interface: str
    channel: str
    options: tuple[tuple[str, str | int | bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> BusAddress:
        """Read ``socketcan:can0``, ``vector:0?app_name=gateway`` and so on.

        Options follow the channel as in a URL; numbers, ``true`` and ``false`` are taken as such.

        Raises:
            ValueError: it is not of this form.
        """
        place, question, query = text.partition("?")
        interface, colon, channel = place.partition(":")
        options = _options(query) if question else ()
        if not (interface and colon and channel) or options is None:
            raise ValueError(
                f"{text!r} names no bus: write INTERFACE:CHANNEL, for example virtual:demo-1, "
                "with ?NAME=VALUE&... where the interface has options"
            )
        return cls(interface, channel, options)


def _options(query: str) -> tuple[tuple[str, str | int | bool], ...] | None:
    """Return what a query says, or ``None`` where it is none."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    return tuple((name, _value(text)) for name, text in pairs) or None


def _value(text: str) -> str | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return int(text, 0)
    except ValueError:
        return text
