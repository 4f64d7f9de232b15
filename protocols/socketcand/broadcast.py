"""The broadcast manager: frames sent in a cycle, frames shown when their content changes.

The rules are those of Linux' ``net/can/bcm.c``, as far as socketcand uses it:

- ``add`` sends at once and then every interval; one that is late skips what it missed;
- ``update`` changes the data and leaves the timer;
- a subscription shows every frame of its identifier, a filter shows the first one and then those
  in which a masked bit changed, a multiplex filter does so for each multiplexer on its own;
- a throttle bounds how often; when its time comes the latest frame that is due is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.socketcand.commands import Key, Subscribe

#: Cyclic frames and subscriptions one client may have.
MAX_JOBS = MAX_SUBSCRIPTIONS = 256

#: Shortest cycle, seconds: a classic frame takes a quarter of this at 500 kbit/s, and a client
#: can have many. Shorter ones are stretched.
SHORTEST_CYCLE = 0.001


@dataclass(slots=True)
class _Job:
    """A frame and its cycle."""

    frame: CanFrame
    interval: float = 0.0
    due: float | None = None


@dataclass(slots=True)
class _Watch:
    """A subscription and what it has seen."""

    wanted: Subscribe
    seen: dict[int, int] = field(default_factory=dict)
    free_at: float = 0.0
    held: CanFrame | None = None

    def concerns(self, frame: CanFrame) -> bool:
        """Tell whether the frame is to be shown, and remember its content."""
        masks = self.wanted.masks
        if not masks:
            return True
        content = int.from_bytes(frame.data[:8].ljust(8, b"\0"), "big")
        index = 0
        if len(masks) > 1:
            index = self._entry(content)
            if not index:
                return False
        masked = content & int.from_bytes(masks[index], "big")
        before, self.seen[index] = self.seen.get(index), masked
        return before != masked

    def _entry(self, content: int) -> int:
        """Return which entry of a multiplex filter the frame belongs to; 0 for none."""
        masks = self.wanted.masks
        mux = int.from_bytes(masks[0], "big")
        for index, entry in enumerate(masks[1:], 1):
            if content & mux == int.from_bytes(entry, "big") & mux:
                return index
        return 0


class Broadcast:
    """One client's cyclic frames and subscriptions."""

    def __init__(self) -> None:
        self._jobs: dict[Key, _Job] = {}
        self._watches: dict[Key, _Watch] = {}

    @property
    def watched(self) -> tuple[Key, ...]:
        """The identifiers that are of interest."""
        return tuple(self._watches)

    def add(self, frame: CanFrame, interval: float, now: float) -> None:
        """Send a frame now, and again and again where there is an interval.

        Raises:
            RemoteProtocolError: there are too many.
        """
        key = (frame.id, frame.extended)
        self._room(self._jobs, key, MAX_JOBS)
        cycle = max(interval, SHORTEST_CYCLE) if interval else 0.0
        self._jobs[key] = _Job(frame, cycle, now)

    def update(self, frame: CanFrame) -> None:
        """Change the data of a cyclic frame; one that is not there is kept without a timer.

        Raises:
            RemoteProtocolError: there are too many.
        """
        key = (frame.id, frame.extended)
        self._room(self._jobs, key, MAX_JOBS)
        self._jobs.setdefault(key, _Job(frame)).frame = frame

    def delete(self, key: Key) -> None:
        """Send a cyclic frame no more."""
        self._jobs.pop(key, None)

    def subscribe(self, wanted: Subscribe) -> None:
        """Show frames from now on; replaces what held for this identifier.

        Raises:
            RemoteProtocolError: there are too many.
        """
        self._room(self._watches, wanted.key, MAX_SUBSCRIPTIONS)
        self._watches[wanted.key] = _Watch(wanted)

    def unsubscribe(self, key: Key) -> None:
        """Show frames of an identifier no more."""
        self._watches.pop(key, None)

    def take(self, frame: CanFrame, now: float) -> bool:
        """Take a frame of the bus; tell whether to show it now."""
        watch = self._watches.get((frame.id, frame.extended))
        if watch is None or frame.error or not watch.concerns(frame):
            return False
        if now < watch.free_at:
            watch.held = frame
            return False
        watch.free_at = now + watch.wanted.throttle
        return True

    def next_deadline(self) -> float | None:
        """Return when something is due."""
        jobs = (job.due for job in self._jobs.values() if job.due is not None)
        held = (watch.free_at for watch in self._watches.values() if watch.held is not None)
        return min((*jobs, *held), default=None)

    def frames_due(self, now: float) -> Iterator[CanFrame]:
        """Yield the frames that are to be sent now."""
        for job in self._jobs.values():
            if job.due is not None and job.due <= now:
                yield job.frame
                job.due = self._again(job, now)

    def held_back(self, now: float) -> Iterator[CanFrame]:
        """Yield the frames whose throttle lets them go now."""
        for watch in self._watches.values():
            if watch.held is not None and watch.free_at <= now:
                yield watch.held
                watch.held = None
                watch.free_at = now + watch.wanted.throttle

    @staticmethod
    def _again(job: _Job, now: float) -> float | None:
        if not job.interval or job.due is None:
            return None
        missed = int((now - job.due) / job.interval)
        return job.due + (missed + 1) * job.interval

    @staticmethod
    def _room(there: dict[Key, _Job] | dict[Key, _Watch], key: Key, most: int) -> None:
        if key not in there and len(there) >= most:
            raise RemoteProtocolError(f"too many: {most} at most; delete some")
