"""From a signal to a clean end: an event, then steps that drain, each with its deadline.

The first SIGINT or SIGTERM asks for a graceful stop. A second one means it: what still drains is
cut. A step that fails or takes too long is reported and the next one goes on, because the last
steps (closing the database) matter most.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import trio

from gateway.runtime.logs import Log


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to finish before the process ends.

    Attributes:
        name: as it appears in the log.
        run: finishes it; cancelled when its time is over.
        within: seconds it may take.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    within: float


class Shutdown:
    """Whether this process should end, and why; parts wait for ``requested``."""

    def __init__(self) -> None:
        self.requested = trio.Event()
        self.hurried = trio.Event()
        self.reason = ""

    def request(self, reason: str) -> None:
        """Ask for a graceful stop; asking again cuts what still drains."""
        if self.requested.is_set():
            self.hurried.set()
            return
        self.reason = reason
        self.requested.set()


async def watch_signals(
    shutdown: Shutdown,
    log: Log,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Turn SIGINT and SIGTERM into requests, until cancelled."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            name = signal.Signals(number).name
            log.info(
                "stopping at once" if shutdown.requested.is_set() else "stopping", signal=name
            )
            shutdown.request(name)


async def drain(steps: Iterable[Step], shutdown: Shutdown, log: Log) -> tuple[str, ...]:
    """Run ``steps`` in order, each within its time, and return the names of those cut or failed.

    Once the shutdown is hurried, the running step is cut and each later one gets to its first
    wait only: enough to close, not to linger.
    """
    unfinished: list[str] = []
    async with trio.open_nursery() as nursery:
        current = trio.CancelScope()

        async def cut_when_hurried() -> None:
            await shutdown.hurried.wait()
            current.cancel()

        nursery.start_soon(cut_when_hurried)
        for step in steps:
            current = trio.CancelScope(deadline=trio.current_time() + step.within)
            if shutdown.hurried.is_set():
                current.cancel()
            with current:
                if await _run(step, log):
                    continue
            unfinished.append(step.name)
            if current.cancelled_caught:
                log.warning("cut while stopping", step=step.name, within=step.within)
        nursery.cancel_scope.cancel()
    return tuple(unfinished)


async def _run(step: Step, log: Log) -> bool:
    try:
        await step.run()
    except Exception:  # a boundary: the steps after this one must run
        log.exception("failed while stopping", step=step.name)
        return False
    return True
