"""CAN databases: what frames mean. Runs in the worker process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.decoding.questions import Meaning

if TYPE_CHECKING:
    from cantools.database.can import Database, Message

#: Names that a summary lists.
MOST_NAMES = 500


class DescriptionError(Exception):
    """A file is no description; the text says what is wrong with it."""


class CanDatabase:
    """A DBC file that was read.

    Raises:
        DescriptionError: it is none.
    """

    def __init__(self, path: Path) -> None:
        from cantools.database import load_string  # noqa: PLC0415 - heavy, and not for everybody
        from cantools.database.can import Database  # noqa: PLC0415
        from cantools.database.errors import Error  # noqa: PLC0415

        try:
            # DBC files are written in the code page of Western Windows.
            text = path.read_bytes().decode("cp1252")
            found = load_string(text, "dbc")
        except (OSError, UnicodeDecodeError, Error, ValueError, KeyError) as error:
            words = " ".join(str(error).split())[:300]
            raise DescriptionError(f"This is no DBC file: {words}.") from error
        if not isinstance(found, Database) or not found.messages:
            raise DescriptionError("This DBC file describes no messages.")
        self._database: Database = found
        self._messages = {(it.frame_id, it.is_extended_frame): it for it in found.messages}

    def content(self) -> Meaning:
        """Return what is in it."""
        messages = self._database.messages
        return {
            "messages": len(messages),
            "signals": sum(len(message.signals) for message in messages),
            "names": [message.name for message in messages[:MOST_NAMES]],
        }

    def explain(self, identifier: int, data: bytes, *, extended: bool) -> Meaning | None:
        """Return what a frame means; ``None`` where the database does not know it."""
        message = self._messages.get((identifier, extended))
        if message is None:
            return None
        try:
            values = message.decode(data, decode_choices=True, allow_truncated=True)
        except Exception:  # noqa: BLE001 - the frame's boundary: multiplexers raise whatever
            return {"message": message.name, "signals": []}
        if not isinstance(values, dict):
            return {"message": message.name, "signals": []}
        return {"message": message.name, "signals": _signals(message, values)}


def _signals(message: Message, values: Mapping[str, object]) -> list[Meaning]:
    units = {signal.name: signal.unit for signal in message.signals}
    return [
        {
            "name": name,
            "value": value if isinstance(value, int | float) else str(value),
            "unit": units.get(name),
        }
        for name, value in values.items()
    ]
