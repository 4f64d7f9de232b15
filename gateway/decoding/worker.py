"""The process that reads descriptions, seen from the gateway: one question at a time.

It is begun when the first question comes, ended with the gateway, and after a question that took
too long or that it did not survive; the next question begins it again.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial

import msgspec
import trio

from gateway.decoding.questions import (
    LENGTH,
    MAX_MESSAGE,
    Answer,
    Question,
    answer_decoder,
    pack,
)
from gateway.domain.errors import Unavailable

_PROCESS = "gateway.decoding.process"

#: Variables that it gets: settings of the gateway hold secrets and are none of its business.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")

#: Questions that may wait for their turn; the next one goes without an answer. As many as one
#: websocket may have in flight: half a millisecond each, they are through long before anybody's
#: patience is.
MOST_WAITING = 256


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of the process.

    Attributes:
        kept: descriptions in its memory.
        unpacked: bytes that a PDX file may have once it is unpacked.
        memory: bytes that it may use.
    """

    kept: int = 8
    unpacked: int = 256 << 20
    memory: int = 2 << 30


@dataclass(slots=True)
class _Place:
    """Where an answer goes."""

    answer: Answer | None = None
    done: trio.Event = field(default_factory=trio.Event)


class Worker:
    """Owned by whoever runs :meth:`run`; without that, nothing is answered."""

    def __init__(self, limits: WorkerLimits) -> None:
        self._limits = limits
        self._turn = trio.Lock()
        self._nursery: trio.Nursery | None = None
        self._process: trio.Process | None = None
        self._waiting = 0
        self._overdue = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a place for the process until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None
                self._kill()

    async def ask(
        self, question: Question, limit: float, *, patience: float | None = None
    ) -> Answer:
        """Return the answer to a question.

        Args:
            question: the question.
            limit: seconds that the process may take; then it is ended.
            patience: seconds until whoever asks goes without an answer. The process goes on: what
                it reads meanwhile serves the next one.

        Raises:
            Unavailable: there is none in time.
        """
        if self._nursery is None or self._overdue or self._waiting >= MOST_WAITING:
            raise _none()
        place = _Place()
        self._waiting += 1
        self._nursery.start_soon(self._work, question, limit, place)
        # Without a patience of one's own the work's own limit ends the wait.
        with trio.move_on_after(math.inf if patience is None else patience):
            await place.done.wait()
        if place.answer is None:
            self._overdue = not place.done.is_set()
            raise _none()
        return place.answer

    def end(self) -> None:
        """Let the process go; the next question begins another."""
        self._kill()

    async def _work(self, question: Question, limit: float, place: _Place) -> None:
        try:
            with trio.move_on_after(limit):
                async with self._turn:
                    place.answer = await self._ask(question)
        except Unavailable:
            return  # the place stays empty, which says it
        finally:
            self._waiting -= 1
            self._overdue = False
            place.done.set()

    async def _ask(self, question: Question) -> Answer:
        answered = False
        try:
            process = self._process or await self._start()
            answer = await _converse(process, question)
            answered = True
        except (trio.BrokenResourceError, trio.ClosedResourceError, msgspec.DecodeError):
            raise _none() from None
        finally:
            # Cut short, it would answer this question to the next one.
            if not answered:
                self._kill()
        return answer

    async def _start(self) -> trio.Process:
        if self._nursery is None:
            raise _none()
        limits = self._limits
        command = [sys.executable, "-m", _PROCESS, "--kept", str(limits.kept)]
        command += ["--unpacked", str(limits.unpacked), "--memory", str(limits.memory)]
        start = partial(
            trio.run_process,
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        self._process = await self._nursery.start(start)
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()


async def _converse(process: trio.Process, question: Question) -> Answer:
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    await process.stdin.send_all(pack(question))
    (length,) = LENGTH.unpack(await _read(process.stdout, LENGTH.size))
    if length > MAX_MESSAGE:
        raise trio.BrokenResourceError("the answer is too long")
    return answer_decoder.decode(await _read(process.stdout, length))


async def _read(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise trio.BrokenResourceError("the process has ended")
        data += more
    return bytes(data)


def _none() -> Unavailable:
    return Unavailable(
        "description.busy",
        "Descriptions cannot be read now, or this one takes too long. Try again, or make it "
        "smaller.",
        retry_after=5,
    )
