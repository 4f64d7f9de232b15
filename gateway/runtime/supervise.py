"""Services: started in order, stopped in reverse, each within its time.

    async with open_supervisor(log, metrics, shutdown) as services:
        links = await services.start("links", serve_links)
        url = await services.start("http", serve_http, stop=draining.set, stop_within=10)
        await shutdown.requested.wait()

A service is ``async def run(*, task_status)``: it reports itself ready with a value through
``task_status.started(value)`` and then runs until it is stopped. Ending earlier, in whatever way,
is a failure. A failure of a service with a :class:`Restart` starts it again after a pause; any
other failure ends the block, in order, with :class:`ServiceFailed`: a gateway that goes on without
a part it needs would keep promises it cannot keep.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import trio

from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.shutdown import Shutdown, Step, drain


class Run(Protocol):
    """A service's body."""

    # Any: what a service reports when it is ready is between it and whoever starts it.
    def __call__(self, *, task_status: trio.TaskStatus[Any]) -> Awaitable[None]:
        """Run until stopped or cancelled."""
        ...


class ServiceFailed(Exception):
    """A service that is not to be restarted ended by itself; its own error is the cause."""


@dataclass(frozen=True, slots=True)
class Restart:
    """That a service may be started again after a failure, and when.

    Attributes:
        first: seconds of the first pause; each further one doubles.
        longest: seconds the pauses stop growing at.
        healthy_after: seconds of running after which the pauses begin anew.
    """

    first: float = 0.5
    longest: float = 30.0
    healthy_after: float = 60.0


@dataclass(slots=True)
class _Service:
    name: str
    run: Run
    stop: Callable[[], None] | None
    stop_within: float
    restart: Restart | None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: trio.Event = field(default_factory=trio.Event)
    is_stopping: bool = False

    async def halt(self) -> None:
        """Ask it to stop and wait for that; without a way to ask, cancel it."""
        self.is_stopping = True
        if self.stop is None:
            self.scope.cancel()
        else:
            self.stop()
        await self.ended.wait()


class _ReadyOnce:
    """Passes the first readiness on; a restarted service reports it again, to nobody."""

    def __init__(self, task_status: trio.TaskStatus[Any]) -> None:
        self._task_status = task_status
        self.is_ready = False

    # Any: see Run.
    def started(self, value: Any = None) -> None:
        if not self.is_ready:
            self.is_ready = True
            self._task_status.started(value)


class Supervisor:
    """Owns the services of one block; made by :func:`open_supervisor`."""

    def __init__(
        self, nursery: trio.Nursery, body: trio.CancelScope, log: Log, metrics: Metrics
    ) -> None:
        self._nursery = nursery
        self._body = body
        self._log = log
        self._failures = metrics.counter("service_failures", "Services that failed", ("service",))
        self._services: list[_Service] = []
        self.failure: ServiceFailed | None = None

    # Any: see Run.
    async def start(
        self,
        name: str,
        run: Run,
        *,
        stop: Callable[[], None] | None = None,
        stop_within: float = 5.0,
        restart: Restart | None = None,
    ) -> Any:
        """Start a service and return the value it reports when it is ready.

        Args:
            name: as it appears in logs and metrics.
            run: the service.
            stop: asks it to end by itself; without it, stopping is cancelling.
            stop_within: seconds it may take to end before it is cancelled.
            restart: when and how to start it again; absent means that its failure ends the block.

        Raises:
            Exception: whatever the service raised before it was ready.
        """
        service = _Service(name, run, stop, stop_within, restart)
        value = await self._nursery.start(partial(self._keep_running, service))
        self._services.append(service)
        return value

    async def stop_all(self, shutdown: Shutdown) -> None:
        """Stop every service, the last one first."""
        for service in reversed(self._services):
            step = Step(service.name, service.halt, service.stop_within)
            await drain([step], shutdown, self._log)
            service.scope.cancel()
            await service.ended.wait()

    async def _keep_running(
        self, service: _Service, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED
    ) -> None:
        ready = _ReadyOnce(task_status)
        pause = 0.0
        try:
            with service.scope:
                while not service.is_stopping:
                    since = trio.current_time()
                    await self._run_once(service, ready)
                    if not ready.is_ready:
                        return  # the nursery tells whoever called start()
                    pause = _next_pause(service.restart, pause, trio.current_time() - since)
                    if self.failure is not None or service.is_stopping:
                        break
                    await trio.sleep(pause)
        finally:
            service.ended.set()

    async def _run_once(self, service: _Service, ready: _ReadyOnce) -> None:
        try:
            await service.run(task_status=ready)
        except Exception as error:
            if not ready.is_ready:
                raise
            self._on_end(service, error)
        else:
            if ready.is_ready:
                self._on_end(service, None)

    def _on_end(self, service: _Service, error: Exception | None) -> None:
        if service.is_stopping and error is None:
            return
        self._failures.labels(service.name).inc()
        self._log.error("service failed", service=service.name, exc_info=error)
        if service.restart is None and self.failure is None:
            self.failure = ServiceFailed(f"the service {service.name!r} ended unexpectedly")
            self.failure.__cause__ = error
            self._body.cancel()


@asynccontextmanager
async def open_supervisor(
    log: Log, metrics: Metrics, shutdown: Shutdown
) -> AsyncIterator[Supervisor]:
    """Run services for the block; at its end stop them in reverse order.

    Raises:
        ServiceFailed: one of them ended by itself; the block was cancelled because of it.
    """
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as body:
            supervisor = Supervisor(nursery, body, log, metrics)
            try:
                yield supervisor
            finally:
                # Bounded by the services' own stop_within, one after the other.
                with trio.CancelScope(shield=True):
                    await supervisor.stop_all(shutdown)
    if supervisor.failure is not None:
        raise supervisor.failure


def _next_pause(restart: Restart | None, previous: float, ran: float) -> float:
    if restart is None:
        return 0.0
    if previous == 0.0 or ran >= restart.healthy_after:
        return restart.first
    return min(previous * 2, restart.longest)
