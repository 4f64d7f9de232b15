"""Consumers that handle every event once, whatever fails in between.

A consumer's position and its effect are written in one transaction. A crash before the commit
undoes both and the event is handled again; a crash after it finds the position already moved. A
handler that fails is tried again with growing pauses: nothing is skipped, and later events wait,
because they may build on the one that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus.topics import EVERYTHING, check_topic, matches
from gateway.domain.events import Event
from gateway.storage.database import Connection, Database
from gateway.storage.queries import events

#: Writes the effect of one event in the transaction it is given. Runs in a database thread, so
#: it is a plain function; what it raises undoes its writes and has it called again later.
Handler = Callable[[Connection, Event], None]

#: Pauses between attempts at the same event, seconds.
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 60.0

#: Look again after this many seconds even if nobody called: another process may have written.
LOOK_INTERVAL = 1.0

#: Events looked at in one transaction; those of other topics are passed over in one go.
BATCH = 100


@dataclass(frozen=True, slots=True)
class ConsumerStatistics:
    """How a consumer is doing.

    Attributes:
        name: which one.
        position: the last event it is done with.
        handled: events handled since it was started.
        failures: attempts that failed since it was started.
        last_error: what the latest attempt failed with; ``None`` once it went on.
    """

    name: str
    position: int
    handled: int
    failures: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class _Step:
    """What one transaction did."""

    position: int
    handled: bool
    more: bool


class DurableConsumer:
    """Owns one named position in the outbox; alive while :meth:`run` runs.

    Args:
        name: key of the position; never changed once in use.
        handler: called once for every event of ``topics``, in order.
        topics: as in :mod:`gateway.bus.topics`.
    """

    def __init__(self, name: str, handler: Handler, topics: Iterable[str] = (EVERYTHING,)) -> None:
        self.name = name
        self._handler = handler
        self._topics = frozenset(check_topic(topic) for topic in topics)
        self._position = 0
        self._more = False
        self._handled = 0
        self._failures = 0
        self._last_error: str | None = None

    async def run(
        self,
        database: Database,
        log: FilteringBoundLogger,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Handle events until cancelled; started once its place in the outbox is known."""
        self._position = await database.write(events.ensure_consumer, self.name)
        task_status.started()
        pause = FIRST_PAUSE
        while True:
            appended = database.events_appended
            if not await self._try_step(database, log, pause):
                await trio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if not self._more:
                with trio.move_on_after(LOOK_INTERVAL):
                    await appended.wait()

    def statistics(self) -> ConsumerStatistics:
        """Return how it is doing."""
        return ConsumerStatistics(
            self.name, self._position, self._handled, self._failures, self._last_error
        )

    async def _try_step(self, database: Database, log: FilteringBoundLogger, pause: float) -> bool:
        # A boundary like a session's: the handler is somebody else's code, and its failure must
        # neither end the other consumers nor be lost.
        try:
            # An idle consumer only reads, so that it never queues for the writer.
            if await database.read(events.last_position) <= self._position:
                self._more = False
                return True
            step = await database.write(self._step)
        except Exception as error:
            self._failures += 1
            self._last_error = f"{type(error).__name__}: {error}"
            log.warning(
                "consumer_failed",
                consumer=self.name,
                after=self._position,
                retry_in=pause,
                exc_info=error,
            )
            return False
        self._last_error = None
        self._position, self._more = step.position, step.more
        self._handled += step.handled
        return True

    def _step(self, connection: Connection) -> _Step:
        start = events.consumer_position(connection, self.name)
        batch = events.after(connection, start, BATCH)
        if not batch:
            return _Step(start, handled=False, more=False)
        mine = next((event for event in batch if matches(event, self._topics)), None)
        if mine is not None:
            self._handler(connection, mine)
        reached = batch[-1].position if mine is None else mine.position
        events.advance(connection, self.name, reached)
        more = len(batch) == BATCH or reached < batch[-1].position
        return _Step(reached, handled=mine is not None, more=more)
