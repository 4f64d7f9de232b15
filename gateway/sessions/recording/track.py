"""One session's recording: what happens goes to the backlog, on the gateway's time line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import trio
from typing_extensions import override

from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError
from gateway.links.connector import LiveConnector
from gateway.sessions.exchange import epoch_us, microseconds
from gateway.sessions.recorder import Asked, Recorded, Track
from gateway.sessions.recording.backlog import Backlog
from gateway.sessions.recording.items import Done, End, Item
from protocols.can.batch import peek_batch
from protocols.link.messages import ExchangeResult
from protocols.recording.records import Began, Frames, Happened, Lost

#: Letters of one value of an event, and values of one event, that are recorded.
LONGEST_VALUE, MOST_VALUES = 400, 40

#: What an entry costs besides its content, bytes.
_ENTRY = 64


@dataclass(slots=True)
class Tally:
    """What a recording holds; counted by the thread that writes it.

    Attributes:
        parts: files that were begun.
        bytes: of all parts.
        part: of the last one.
        exchanges: requests.
        frames: raw frames.
        frames_lost: those that the disk was too slow for.
    """

    parts: int = 0
    bytes: int = 0
    part: int = 0
    exchanges: int = 0
    frames: int = 0
    frames_lost: int = 0


@dataclass(slots=True)
class Standing:
    """How far a recording has come.

    Attributes:
        failure: why it stopped before its session did.
        failed_told: somebody was told.
        closed: its end is written.
        void: its session never began; nothing is kept.
        noted: its beginning is on record.
    """

    failure: str | None = None
    failed_told: bool = False
    closed: bool = False
    void: bool = False
    noted: bool = False


@dataclass(eq=False)
class SessionTrack(Track):
    """Owned by the recording service, from the session's beginning to the end of its last file.

    Attributes:
        session: whose recording this is.
        began: its first record, as every part begins with it.
        began_at: UTC.
        ended_at: UTC.
    """

    session: Recorded
    live: LiveConnector
    backlog: Backlog[Entry]
    clock: Clock
    ended_at: datetime | None = None
    tally: Tally = field(default_factory=Tally)
    standing: Standing = field(default_factory=Standing)
    _lost: int = 0

    def __post_init__(self) -> None:
        live, session = self.live, self.session
        self.began_at = self.clock()
        buses = live.capabilities.buses
        self.began = Began(
            at=microseconds(self.began_at),
            session=session.id,
            part=0,
            connector=str(live.known.uuid),
            vin=live.status.vin,
            operator=session.client_id,
            ticket=session.ticket_id,
            buses=tuple(bus.name for bus in buses),
            kinds=tuple(bus.kind for bus in buses),
        )
        live.monitors.taps.append(self._tap)

    @override
    def require_room(self) -> None:
        self.backlog.require_room()

    @override
    def exchanged(
        self, asked: Asked, outcome: ExchangeResult | GatewayError | None, at: int, offset_us: int
    ) -> None:
        if not self._over:
            done = Done(at, asked, outcome, offset_us)
            self.backlog.put((self, done), _ENTRY + done.size)

    @override
    def happened(self, what: str, detail: dict[str, object]) -> None:
        if not self._over:
            record = Happened(microseconds(self.clock()), what, told(detail))
            self.backlog.put((self, record), _ENTRY + 64 * len(record.detail))

    def _tap(self, batch: bytes, *, sent: bool) -> None:
        if self._over:
            return
        if not self.backlog.takes_frames:
            self._lost += peek_batch(batch).count
            return
        now = self.clock()
        at = microseconds(now)
        if self._lost:
            self.backlog.put((self, Lost(at, self._lost)), _ENTRY)
            self._lost = 0
        offset = epoch_us(now, trio.current_time(), self.live.clock_offset_us)
        frames = Frames(at, offset, sent, batch, sent and self._shown(batch))
        self.backlog.put((self, frames), _ENTRY + len(batch))

    def _shown(self, batch: bytes) -> bool:
        """Tell whether what is sent comes once more, as seen on its bus."""
        monitors = self.live.monitors
        return monitors.active and monitors.shows_all(monitors.bus_name(peek_batch(batch).bus))

    @property
    def _over(self) -> bool:
        return self.ended_at is not None or self.standing.failure is not None

    @override
    def end(self, reason: str) -> None:
        if self.ended_at is not None:
            return
        self.live.monitors.taps.remove(self._tap)
        now = self.clock()
        if self._lost:
            self.backlog.put((self, Lost(microseconds(now), self._lost)), _ENTRY)
        self.ended_at = now
        # A session that was refused has nothing to remember.
        self.backlog.put((self, End(keep=reason != "refused")), _ENTRY)


def told(detail: dict[str, object]) -> dict[str, str]:
    """Return what is recorded of an event: scalars by name, those of inner records too."""
    flat: dict[str, str] = {}
    for name, value in detail.items():
        inner = value.items() if isinstance(value, dict) else ((name, value),)
        for key, each in inner:
            if each is not None and not isinstance(each, dict | list | tuple):
                flat[str(key)] = _text(each)
    return dict(list(flat.items())[:MOST_VALUES])


def _text(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return str(value)[:LONGEST_VALUE]


#: Something that waits to be written, and in which recording.
Entry = tuple[SessionTrack, Item]
