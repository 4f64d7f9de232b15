"""News and frames of sessions, forwarded to one client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

import msgspec
import trio

from gateway.domain.errors import Invalid
from gateway.links.monitors import FrameFeed
from gateway.runtime.feeds import Feed, SlowReader
from gateway.sessions.session import Session, SessionNews
from protocols.can.batch import decode_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.link.vehicle import BusInfo

Send = Callable[[str | bytes], Awaitable[None]]

_encoder = msgspec.json.Encoder()


def to_text(message: dict[str, object]) -> str:
    """Return a message as the JSON text that goes out."""
    return _encoder.encode(message).decode()


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
    session: Session, listening: AbstractContextManager[FrameFeed], send: Send, *, as_json: bool
) -> None:
    """Send batches of a bus while session and bus are there.

    What a slow client misses is counted for it.
    """
    prefix = bytes.fromhex(session.id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_with_session, session, nursery.cancel_scope)
        try:
            with listening as feed:
                async for batch in feed:
                    if as_json:
                        await send(_frames_text(session, feed, batch))
                    else:
                        await send(prefix + batch)
        finally:  # also where the connector ended the block
            nursery.cancel_scope.cancel()


async def _cancel_with_session(session: Session, scope: trio.CancelScope) -> None:
    """Whoever's session is over sees nothing of the vehicle any more."""
    with session.watch() as news:
        async for _ in news:
            continue
    scope.cancel()


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


def _frames_text(session: Session, feed: FrameFeed, batch: bytes) -> str:
    frames = decode_batch(batch)
    return to_text(
        {
            "action": "frames",
            "session": session.id,
            "bus": feed.bus,
            "dropped": frames.dropped + feed.dropped,
            "frames": [_frame(frame) for frame in frames.frames],
        }
    )


def _frame(frame: CanFrame) -> dict[str, object]:
    return {
        "id": frame.id,
        "data": frame.data.hex().upper(),
        "extended": frame.extended,
        "fd": frame.fd,
        "timestamp_us": frame.timestamp_us,
    }
