"""A Trio run in a thread of its own, for scripts that know nothing of Trio."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import Generic, TypeVar

import trio
from typing_extensions import TypeVarTuple, Unpack

from gateway.client.errors import Misconfigured

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")

#: Seconds that closing may take before the thread is left to itself.
_CLOSE_LIMIT = 40.0


class Portal(Generic[T]):
    """Keeps an asynchronous context open in its thread, and runs functions there.

    Any thread may call; each call blocks its own thread alone. :meth:`close` ends everything and
    waits for the thread. The thread is a daemon: a script that forgets to close still ends.

    Args:
        opens: makes the context; called in the thread.
        name: of the thread.

    Raises:
        BaseException: whatever entering the context raises.
    """

    def __init__(self, opens: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        self._opens = opens
        self._ready: Future[T] = Future()
        self._stop: trio.Event | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._nursery: trio.Nursery | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        try:
            self.value: T = self._ready.result()
        except BaseException:
            self.close()  # a script that was interrupted leaves no thread either
            raise

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except Exception as error:  # noqa: BLE001 - told to whoever opens, or closes
            if self._ready.done():
                self._failure = error
            else:
                self._ready.set_exception(error)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        failure: BaseException | None = None
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                async with self._opens() as value:
                    self._ready.set_result(value)
                    await self._stop.wait()
            except Exception as error:  # noqa: BLE001 - comes out as it is, and not in a group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def call(self, function: Callable[[Unpack[Ts]], Awaitable[R]], *args: *Ts) -> R:
        """Run an asynchronous function in the thread and return what it returns.

        Raises:
            Misconfigured: closed.
            BaseException: whatever it raises.
        """
        if self._token is None or not self._thread.is_alive():
            raise _closed()
        try:
            return trio.from_thread.run(function, *args, trio_token=self._token)
        except (trio.RunFinishedError, trio.Cancelled):
            raise _closed() from None  # noqa: ASYNC104 - of the other thread, where it has ended

    def call_soon(self, function: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Have a function called in the thread, soon, without waiting for it; it must not raise.

        Raises:
            Misconfigured: closed.
        """
        if self._token is None:
            raise _closed()
        try:
            self._token.run_sync_soon(function, *args)
        except trio.RunFinishedError:
            raise _closed() from None

    def start(self, function: Callable[[Unpack[Ts]], Awaitable[R]], *args: *Ts) -> Future[R]:
        """Begin an asynchronous function in the thread; the future has what comes of it.

        Closing cancels it; the future then has ``Misconfigured``.
        """
        future: Future[R] = Future()

        async def run() -> None:
            try:
                future.set_result(await function(*args))
            except Exception as error:  # noqa: BLE001 - told to whoever waits
                future.set_exception(error)
            finally:
                if not future.done():
                    future.set_exception(_closed())

        def begin() -> None:
            if self._nursery is None or self._stop is None or self._stop.is_set():
                future.set_exception(_closed())
            else:
                self._nursery.start_soon(run)

        self.call_soon(begin)
        return future

    def close(self) -> None:
        """Leave the context and wait for the thread; raises what leaving raised. Twice is fine."""
        if self._token is not None and self._stop is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._stop.set)
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_LIMIT)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def _closed() -> Misconfigured:
    return Misconfigured("The client is closed.")
