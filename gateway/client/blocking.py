"""The client for scripts without Trio: the same calls, each of which blocks its thread.

    with Client("https://gateway.example.org", client_id, client_secret) as client:
        with client.open(connector=uuid) as session:
            vin = session.ask("engine", "22F190")

One thread stands behind each client; its end is the end of everything in it. Any thread may use
a client, and several at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import trio

from gateway.client import client as under_trio
from gateway.client import session as sessions_under_trio
from gateway.client.errors import ClientError
from gateway.client.jobs import KeyFor, Progress
from gateway.client.jobs import TransferJob as TransferJobUnderTrio
from gateway.client.portal import Portal
from gateway.client.records import Bus, Connector, Image, Job, Lease, Response, SessionRecord
from gateway.client.session import Unit
from gateway.client.streams import Frames, FrameStream, News, NewsStream
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame

T = TypeVar("T")

#: What keeps a client.
Portals = Portal[under_trio.Client]


class Client:
    """An operator at a gateway; arguments and errors as of :class:`gateway.client.Client`."""

    def __init__(
        self,
        url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        profile: Path | None = None,
    ) -> None:
        self.portal: Portals = Portal(
            lambda: under_trio.Client(url, client_id, client_secret, profile=profile),
            "gateway-client",
        )

    @property
    def _client(self) -> under_trio.Client:
        return self.portal.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread; sessions go on at the gateway."""
        self.portal.close()

    def connectors(self) -> list[Connector]:
        """Return the connectors that this operator can reach, online and not."""
        return self.portal.call(self._client.connectors)

    def connector(self, uuid: str) -> Connector:
        """Return one connector."""
        return self.portal.call(self._client.connector, uuid)

    def open(self, *, connector: str | None = None, ticket: int | None = None) -> Session:
        """Open a session on a connector or on a ticket."""

        async def open_it() -> sessions_under_trio.Session:
            return await self._client.open(connector=connector, ticket=ticket)

        return Session(self.portal, self.portal.call(open_it))

    def join(self, session: str) -> Session:
        """Return a session of this operator's that is open already."""
        return Session(self.portal, self.portal.call(self._client.join, session))

    def upload_image(self, image: bytes) -> Image:
        """Hand an image to the gateway."""
        return self.portal.call(self._client.upload_image, image)

    def export_recording(
        self, session: str, target: Callable[[bytes], object], kind: str = "pcapng"
    ) -> int:
        """Hand a session's recording to ``target`` piece by piece; return how many bytes."""

        async def export() -> int:
            size = 0
            async with self._client.recording(session, kind) as pieces:
                async for piece in pieces:
                    await trio.to_thread.run_sync(target, piece)
                    size += len(piece)
            return size

        return self.portal.call(export)

    def job(self, job: str) -> Job:
        """Return how a transfer job stands."""
        return self.portal.call(self._client.job, job)


class Session:
    """Work on one vehicle; as ``with`` block it ends with the block.

    Methods are those of :class:`gateway.client.session.Session`.
    """

    def __init__(self, portal: Portals, session: sessions_under_trio.Session) -> None:
        self.portal = portal
        self.under_trio = session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.end()
        except ClientError:
            return  # it ends by itself, and what the block raised says more

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self.under_trio.id

    @property
    def record(self) -> SessionRecord:
        """As it was opened or last looked at."""
        return self.under_trio.record

    @property
    def connector(self) -> Connector:
        """The vehicle's, with buses and control units."""
        return self.under_trio.connector

    def refresh(self) -> SessionRecord:
        """Look at the session again."""
        return self.portal.call(self.under_trio.refresh)

    def take_lease(self, *, take_over: bool = False) -> Lease:
        """Ask for the right to send, or take it over."""

        async def take() -> Lease:
            return await self.under_trio.take_lease(take_over=take_over)

        return self.portal.call(take)

    def give_up_lease(self) -> None:
        """Go on as a reader."""
        self.portal.call(self.under_trio.give_up_lease)

    def end(self) -> None:
        """End it; the vehicle is in its safe state afterwards."""
        self.portal.call(self.under_trio.end)

    def exchange(
        self, ecu: Unit, request: bytes | str, *, decode: bool = True
    ) -> tuple[Response, ...]:
        """Run one request at the vehicle and return the final answers."""
        run = partial(self.under_trio.exchange, decode=decode)
        return self.portal.call(run, ecu, request)

    def exchange_all(
        self, requests: Sequence[tuple[Unit, bytes | str]]
    ) -> list[tuple[Response, ...] | ClientError]:
        """Run requests side by side."""
        return self.portal.call(self.under_trio.exchange_all, requests)

    def ask(self, ecu: Unit, request: bytes | str) -> bytes:
        """Run one request at one control unit and return its positive answer's bytes."""
        return self.portal.call(self.under_trio.ask, ecu, request)

    def functional(self, request: bytes | str, bus: str = "") -> tuple[Response, ...]:
        """Ask everybody on a bus and gather the answers."""
        return self.portal.call(self.under_trio.functional, request, bus)

    def send_frames(self, frames: Iterable[CanFrame], bus: str = "") -> None:
        """Put raw frames on a bus."""
        self.portal.call(self.under_trio.send_frames, frames, bus)

    def flush(self) -> None:
        """Wait until the gateway has passed on all frames that were sent before."""
        self.portal.call(self.under_trio.flush)

    # Any: members of an order for a bus.
    def configure_bus(self, name: str, **order: Any) -> Bus:
        """Have a bus run otherwise until the session ends."""

        async def configure() -> Bus:
            return await self.under_trio.configure_bus(name, **order)

        return self.portal.call(configure)

    @contextmanager
    def frames(self, bus: str = "", filters: Iterable[CanFilter] = ()) -> Iterator[FrameReader]:
        """Give the block the frames of a bus."""
        stack = AsyncExitStack()
        stream = self.portal.call(
            stack.enter_async_context, self.under_trio.frames(bus, tuple(filters))
        )
        try:
            yield FrameReader(self, stream)
        finally:
            self.portal.call(stack.aclose)

    @contextmanager
    def news(self) -> Iterator[NewsReader]:
        """Give the block what happens in the session from now on."""
        stack = AsyncExitStack()
        stream = self.portal.call(stack.enter_async_context, self.under_trio.news())
        try:
            yield NewsReader(self.portal, stream)
        finally:
            self.portal.call(stack.aclose)

    def start_transfer(
        self, ecu: Unit, procedure: object, *, image: str | None = None
    ) -> TransferJob:
        """Order a transfer job."""

        async def start() -> TransferJobUnderTrio:
            return await self.under_trio.start_transfer(ecu, procedure, image=image)

        return TransferJob(self.portal, self.portal.call(start))

    def job(self, record: Job) -> TransferJob:
        """Return a job on this vehicle, to be followed and controlled by this session."""
        return TransferJob(self.portal, self.under_trio.job(record))


class FrameReader:
    """Frames of one bus; an iterator of :class:`gateway.client.streams.Frames`."""

    def __init__(self, session: Session, stream: FrameStream) -> None:
        self._session = session
        self._stream = stream

    @property
    def interruptions(self) -> int:
        """Reconnections, during which frames passed unseen."""
        return self._stream.interruptions

    def receive(self, timeout: float | None = None) -> Frames | None:
        """Wait for frames; ``None`` where none came within ``timeout`` seconds."""
        return self._session.portal.call(_within, self._stream.receive, timeout)

    def pause(self) -> None:
        """Hold the stream; what comes meanwhile is dropped and counted."""
        self._session.portal.call(self._session.under_trio.hold, self._stream)

    def resume(self) -> None:
        """Go on."""

        async def resume() -> None:
            await self._session.under_trio.hold(self._stream, paused=False)

        self._session.portal.call(resume)

    def __iter__(self) -> Iterator[Frames]:
        while (frames := self.receive()) is not None:
            yield frames


class NewsReader:
    """News of a session; an iterator that stops after ``ended``."""

    def __init__(self, portal: Portals, stream: NewsStream) -> None:
        self._portal = portal
        self._stream = stream

    def receive(self, timeout: float | None = None) -> News | None:
        """Wait for news; ``None`` where none came within ``timeout`` seconds."""
        return self._portal.call(_within, self._stream.receive, timeout)

    def __iter__(self) -> Iterator[News]:
        while (news := self.receive()) is not None:
            yield news
            if news.get("kind") == "ended":
                return


class TransferJob:
    """A transfer job; methods are those of :class:`gateway.client.jobs.TransferJob`."""

    def __init__(self, portal: Portals, job: TransferJobUnderTrio) -> None:
        self._portal = portal
        self._job = job

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self._job.id

    @property
    def record(self) -> Job:
        """As it stood when last heard of."""
        return self._job.record

    def look(self) -> Job:
        """Ask how it stands."""
        return self._portal.call(self._job.look)

    def wait(self, *, key: KeyFor | None = None, progress: Progress | None = None) -> Job:
        """Follow it to its end; ``key`` and ``progress`` are called in the client's thread."""

        async def wait() -> Job:
            return await self._job.wait(key=key, progress=progress)

        return self._portal.call(wait)

    def give_key(self, key: bytes) -> None:
        """Give the key that it waits for."""
        self._portal.call(self._job.give_key, key)

    def pause(self) -> None:
        """Hold it at the next block."""
        self._portal.call(self._job.pause)

    def resume(self) -> None:
        """Let it go on."""
        self._portal.call(self._job.resume)

    def abort(self) -> None:
        """Have it end, with the vehicle in its safe state."""
        self._portal.call(self._job.abort)

    def result(self) -> bytes:
        """Return the memory that was read."""
        return self._portal.call(self._job.result)


async def _within(receive: Callable[[], Awaitable[T]], seconds: float | None) -> T | None:
    """Return what comes within so many seconds, or ``None``."""
    with trio.move_on_after(float("inf") if seconds is None else seconds):
        return await receive()
    return None
