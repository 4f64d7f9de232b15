"""Damps connectors that begin a new link over and over.

A new link means that the connector has forgotten everything: a device that restarts, or is
plugged in and out. What it had open is gone, operators are told, sessions and monitors are set up
again; over and over, that burns the gateway and helps nobody. So it gets a pause that doubles, and
after each pause one attempt, until it has stayed for a while.

A link that is resumed after a loss, however often, is none of that: nothing was lost, and the
redial is what it should do. It is not counted, whether or not its former connection still stood
half open. Only connectors that have proved themselves are counted, so nobody can have another's
connector damped; one that is damped is turned away at its hello, before it costs a look-up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

#: Records beyond which those that no longer matter are looked for and dropped.
_PRUNE_FROM = 1024


@dataclass(frozen=True, slots=True)
class FlappingLimits:
    """When a connector counts as flapping.

    Attributes:
        links: new links within the window that are fine. A plug that is pushed in badly, or an
            engine start that browns the device out, makes two or three.
        window: seconds; also how long a link must stay to clear its connector.
        first_pause: seconds of the first pause; each further one doubles.
        longest_pause: seconds the pause stops at.
    """

    links: int = 5
    window: float = 60.0
    first_pause: float = 5.0
    longest_pause: float = 60.0


@dataclass(slots=True)
class _Record:
    """What one connector did lately."""

    begun: list[float] = field(default_factory=list)
    level: int = 0
    barred_until: float = 0.0
    tried: bool = False


class Flapping:
    """Owned by the link port."""

    def __init__(self, limits: FlappingLimits) -> None:
        self._limits = limits
        self._records: dict[UUID, _Record] = {}
        self._prune_at = _PRUNE_FROM

    def pause(self, uuid: UUID, now: float) -> float:
        """Return for how many seconds this connector is barred yet; 0 when it is not."""
        record = self._records.get(uuid)
        return 0.0 if record is None else max(0.0, record.barred_until - now)

    def begin(self, uuid: UUID, now: float) -> float:
        """Count a new link of a connector that has proved itself.

        Returns:
            0 when it may begin; else the seconds for which it is barred from now on.
        """
        record = self._records.get(uuid)
        if record is None or self._is_stale(record, now):
            self._make_room(now)
            record = self._records[uuid] = _Record()
        window_began = now - self._limits.window
        while record.begun and record.begun[0] <= window_began:
            del record.begun[0]
        if record.tried or (not record.level and len(record.begun) >= self._limits.links):
            return self._bar(record, now)
        record.tried = record.level > 0  # the one attempt after a pause
        record.begun.append(now)
        return 0.0

    def _bar(self, record: _Record, now: float) -> float:
        limits = self._limits
        pause = min(limits.longest_pause, limits.first_pause * 2.0 ** min(record.level, 16))
        record.level += 1
        record.barred_until = now + pause
        record.tried = False
        return pause

    def _is_stale(self, record: _Record, now: float) -> bool:
        """Tell whether the connector has stayed, or stayed away, for long enough to be cleared."""
        last = max(record.barred_until, record.begun[-1] if record.begun else 0.0)
        return now - last >= self._limits.window

    def _make_room(self, now: float) -> None:
        if len(self._records) < self._prune_at:
            return
        stale = [uuid for uuid, record in self._records.items() if self._is_stale(record, now)]
        for uuid in stale:
            del self._records[uuid]
        self._prune_at = max(_PRUNE_FROM, 2 * len(self._records))
