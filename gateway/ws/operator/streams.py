"""News and frames of sessions, forwarded to one client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec
import trio

from gateway.decoding.questions import Meaning
from gateway.decoding.service import DescriptionService
from gateway.domain.errors import GatewayError, Invalid
from gateway.links.monitors import FrameFeed
from gateway.runtime.feeds import Feed, SlowReader
from gateway.sessions.session import Session, SessionNews
from gateway.web.problems import problem_of
from gateway.ws.operator.gathering import FrameGatherer
from gateway.ws.operator.messages import FrameSpec, Reference
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import MAX_STANDARD_ID, CanFrame
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.vehicle import BusInfo

Send = Callable[[str | bytes], Awaitable[None]]

#: Returns what frames mean, each or all ``None`` where nobody knows.
Explain = Callable[[Sequence[CanFrame]], Awaitable[Sequence[Meaning | None] | None]]

_encoder = msgspec.json.Encoder()


def to_text(message: dict[str, object]) -> str:
    """Return a message as the JSON text that goes out."""
    return _encoder.encode(message).decode()


def problem_text(action: str, reference: Reference, error: GatewayError, **more: str) -> str:
    """Return what is said of an error, as the text that goes out."""
    return to_text({"action": action, "id": reference, "error": problem_of(error).body(), **more})


def join(messages: list[str | bytes]) -> list[str | bytes]:
    """Return the messages with the texts between binary ones put together as JSON arrays."""
    joined: list[str | bytes] = []
    texts: list[str] = []
    for message in messages:
        if isinstance(message, str):
            texts.append(message)
            continue
        if texts:
            joined.append(f"[{','.join(texts)}]")
            texts = []
        joined.append(message)
    if texts:
        joined.append(f"[{','.join(texts)}]")
    return joined


async def forward_news(session: Session, watch: Feed[SessionNews], send: Send) -> None:
    """Send what happens in a session until it ends.

    A client that falls behind is told so once; it can subscribe again.
    """
    try:
        async for news in watch:
            message = {"action": "news", "session": news.session, "kind": news.kind}
            await send(to_text(message | news.body))
    except SlowReader as slow:
        await send(
            to_text({"action": "news", "session": session.id, "kind": "gap", "detail": str(slow)})
        )


async def forward_frames(
    session: Session,
    listening: AbstractContextManager[FrameFeed],
    send: Send,
    *,
    as_json: bool,
    explain: Explain | None = None,
) -> None:
    """Send batches of a bus while session and bus are there.

    What a slow client misses is counted for it.
    """
    prefix = bytes.fromhex(session.id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_with_session, session, nursery.cancel_scope)
        try:
            with listening as feed:
                while True:
                    batch = await feed.next()
                    if as_json:
                        await send(await _frames_text(session, feed, batch, explain))
                    else:
                        await send(prefix + batch)
        finally:  # also where the connector ended the block
            nursery.cancel_scope.cancel()


async def gather_frames(
    session: Session, listening: AbstractContextManager[FrameFeed], gatherer: FrameGatherer
) -> None:
    """Let a bus's batches be gathered with those of others while session and bus are there."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_with_session, session, nursery.cancel_scope)
        try:
            with listening as feed, gatherer.following(feed, session.id):
                await trio.sleep_forever()
        finally:  # also where the connector ended the block
            nursery.cancel_scope.cancel()


async def _cancel_with_session(session: Session, scope: trio.CancelScope) -> None:
    """Whoever's session is over sees nothing of the vehicle any more."""
    with session.watch() as news:
        async for _ in news:
            continue
    scope.cancel()


class Following:
    """A stream that a client follows.

    Attributes:
        scope: ends it.
        feed: where its frames come from; ``None`` for news, and until it listens.
    """

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.feed: FrameFeed | None = None
        self._paused = False

    def pause(self, *, paused: bool) -> None:
        """Hold the stream, or go on with it."""
        self._paused = paused
        self._apply()

    @contextmanager
    def through(self, listening: AbstractContextManager[FrameFeed]) -> Iterator[FrameFeed]:
        """Keep hold of the feed that a listener gets while the block runs."""
        with listening as feed:
            self.feed = feed
            self._apply()
            yield feed

    def _apply(self) -> None:
        if self.feed is not None:
            (self.feed.pause if self._paused else self.feed.resume)()


def to_batch(frames: Sequence[FrameSpec], bus: str, buses: Sequence[BusInfo]) -> bytes:
    """Return frames that came as JSON as a batch.

    Raises:
        Invalid: there is no such bus, or no such frame.
    """
    names = [info.name for info in buses]
    if bus not in names:
        known = ", ".join(names) or "none"
        raise Invalid("frames.bus", f"There is no bus {bus!r}; there are {known}.", field="bus")
    try:
        return encode_batch(names.index(bus), [_to_frame(spec) for spec in frames])
    except (LocalProtocolError, ValueError) as error:
        raise Invalid("frames.malformed", f"No such frame: {error}.", field="frames") from error


def _to_frame(spec: FrameSpec) -> CanFrame:
    data = bytes.fromhex(spec.data)
    extended = spec.extended or spec.id > MAX_STANDARD_ID
    return CanFrame(spec.id, data, extended, spec.fd, spec.brs, spec.remote)


def check_batch(batch: bytes, buses: Sequence[BusInfo]) -> None:
    """Check frames on their way to a vehicle, which a connector would end its link over.

    Raises:
        Invalid: no batch, a bus that is no CAN bus, or CAN-FD frames for a classic one.
    """
    try:
        decoded = decode_batch(batch)
    except RemoteProtocolError as error:
        raise Invalid("frames.malformed", f"This is no batch of frames: {error}.") from error
    kind = buses[decoded.bus].kind if decoded.bus < len(buses) else ""
    if kind not in {"can", "can-fd"}:
        names = ", ".join(f"{i} {bus.name}" for i, bus in enumerate(buses) if bus.kind != "doip")
        raise Invalid(
            "frames.bus",
            f"Bus {decoded.bus} of this connector takes no frames; there are {names or 'none'}.",
        )
    if kind == "can" and any(frame.fd for frame in decoded.frames):
        raise Invalid("frames.kind", "This bus is classic CAN: it takes no CAN-FD frames.")


async def explain_frames(
    descriptions: DescriptionService,
    provider: int,
    vin: str | None,
    bus: str,
    frames: Sequence[CanFrame],
) -> Sequence[Meaning | None] | None:
    """Return what frames of a vehicle's bus mean, as its descriptions know them."""
    told = [(frame.id, frame.extended, frame.data) for frame in frames]
    return await descriptions.frames(provider, vin, bus, told)


async def _frames_text(
    session: Session, feed: FrameFeed, batch: bytes, explain: Explain | None
) -> str:
    frames = decode_batch(batch)
    shown = [_frame(frame) for frame in frames.frames]
    meanings = None if explain is None else await explain(frames.frames)
    for frame, meaning in zip(shown, meanings or (), strict=False):
        frame["decoded"] = meaning
    return to_text(
        {
            "action": "frames",
            "session": session.id,
            "bus": feed.bus,
            "dropped": frames.dropped,
            "frames": shown,
        }
    )


def _frame(frame: CanFrame) -> dict[str, object]:
    return {
        "id": frame.id,
        "data": frame.data.hex().upper(),
        "extended": frame.extended,
        "fd": frame.fd,
        "brs": frame.brs,
        "remote": frame.remote,
        "error": frame.error,
        "timestamp_us": frame.timestamp_us,
    }
