"""A transfer job: followed, given its keys, paused, aborted, its result fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import trio

from gateway.client.api import OperatorApi
from gateway.client.errors import ClientError, Refused, Unreachable, Unreadable
from gateway.client.records import Hex, Job, convert
from gateway.client.streams import NewsStream

#: States that a job does not leave.
FINAL = frozenset({"done", "failed", "aborted"})

#: Seconds between looks, where no news come: they may be lost with a connection.
LOOK_EVERY = 2.0

#: Seconds that a gateway may be gone while its job is followed.
OUTAGE_LIMIT = 300.0

#: Returns the key to a seed; arguments are the seed and the security level.
KeyFor = Callable[[bytes, int], bytes | Awaitable[bytes]]

#: Called with the job whenever it has moved.
Progress = Callable[[Job], None]


class JobFailed(ClientError):
    """A job came to an end that is not ``done``.

    Attributes:
        job: as it ended; ``failure``, ``detail`` and ``safe`` say more.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        why = f": {job.failure}" if job.failure else ""
        more = f" ({job.detail})" if job.detail else ""
        safe = "" if job.safe else " The vehicle may not be in its safe state."
        super().__init__(f"The job was not done, but {job.state}{why}{more}.{safe}")


class TransferJob:
    """One job as the session that controls it sees it.

    Attributes:
        record: as it stood when last heard of.
    """

    def __init__(
        self,
        api: OperatorApi,
        session: str,
        record: Job,
        news: Callable[[], AbstractAsyncContextManager[NewsStream]],
    ) -> None:
        self._api = api
        self._session = session
        self._news = news
        self.record = record

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self.record.id

    async def look(self) -> Job:
        """Ask how it stands."""
        self.record = await self._api.get(f"/jobs/{self.id}", Job)
        return self.record

    async def wait(self, *, key: KeyFor | None = None, progress: Progress | None = None) -> Job:
        """Follow it to its end, through lost connections, and return it when it is done.

        Args:
            key: asked when the control unit wants a key; without it the job waits for one from
                elsewhere (:meth:`give_key`).
            progress: called whenever it has moved.

        Raises:
            JobFailed: it ended otherwise.
            Refused: the gateway said no, to a key for instance.
        """
        answered: Hex | None = None
        async with self._news() as news:
            job = await self.look()
            while True:
                if progress is not None:
                    progress(job)
                if job.state in FINAL:
                    break
                if key is not None and job.state == "awaiting_key" and job.seed != answered:
                    await self._answer(key, job)
                answered = job.seed
                job = await self._next(news)
        if self.record.state != "done":
            raise JobFailed(self.record)
        return self.record

    async def _answer(self, key: KeyFor, job: Job) -> None:
        found = key(bytes(job.seed or b""), job.security_level or 0)
        await self.give_key(found if isinstance(found, bytes) else await found)

    async def _next(self, news: NewsStream) -> Job:
        """Wait until it has moved, or for so long that news may have been lost; return it."""
        with trio.move_on_after(LOOK_EVERY):
            while (told := await news.receive_or_none()) is not None:
                if told.get("kind") == "job":
                    job = convert(told.get("job"), Job)
                    if job.id == self.id:
                        self.record = job
                        return job
            await trio.sleep_forever()  # no news will come: look, every so often
        return await self._look_patiently()

    async def _look_patiently(self) -> Job:
        """Look; a gateway that is gone is waited for, because the job goes on without it."""
        until = trio.current_time() + OUTAGE_LIMIT
        while True:
            try:
                return await self.look()
            except Unreachable:
                if trio.current_time() >= until:
                    raise
            await trio.sleep(LOOK_EVERY)

    # --- control -----------------------------------------------------------------------------

    async def give_key(self, key: bytes) -> None:
        """Give the key that it waits for; raises ``Refused`` where it waits for none."""
        await self._post("key", {"key": key.hex()})

    async def pause(self) -> None:
        """Hold it at the next block; tester present goes on."""
        await self._post("pause")

    async def resume(self) -> None:
        """Let it go on."""
        await self._post("resume")

    async def abort(self) -> None:
        """Have it end, with the vehicle in its safe state; aborting what has ended is fine."""
        refused: Refused | None = None
        try:
            await self._post("abort")
        except Refused as error:
            refused = error
        if refused is not None and (await self.look()).state not in FINAL:
            raise refused

    async def _post(self, action: str, body: object = None) -> None:
        path = f"/sessions/{self._session}/jobs/{self.id}/{action}"
        self.record = await self._api.post(path, Job, body)

    # --- what was read -----------------------------------------------------------------------

    async def result(self) -> bytes:
        """Return the memory that was read; waits while it is on its way to the gateway.

        Raises:
            JobFailed: the job has not come to a good end.
            Unreadable: what came has another hash.
        """
        while self.record.result is None:
            if self.record.state in FINAL - {"done"}:
                raise JobFailed(self.record)
            if self.record.direction != "upload":
                raise Unreadable("A download has no result.")
            await trio.sleep(0.1)
            await self.look()
        data = await self._api.call("GET", f"/jobs/{self.id}/result")
        if hashlib.sha256(data).hexdigest() != self.record.result:
            raise Unreadable("What came has another hash than the result. Fetch it again.")
        return data
