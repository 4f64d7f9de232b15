"""News and frames of sessions, forwarded to one client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import msgspec

from gateway.links.monitors import FrameFeed
from gateway.runtime.feeds import Feed, SlowReader
from gateway.sessions.session import Session, SessionNews
from protocols.can.batch import decode_batch
from protocols.can.frame import CanFrame

Send = Callable[[str | bytes], Awaitable[None]]

_encoder = msgspec.json.Encoder()


def to_text(message: dict[str, object]) -> str:
    """Return a message as the JSON text that goes out."""
    return _encoder.encode(message).decode()


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
    """Send batches of a bus until cancelled; what a slow client misses is counted for it."""
    prefix = bytes.fromhex(session.id)
    with listening as feed:
        while True:
            batch = await feed.next()
            if as_json:
                await send(_frames_text(session, feed, batch))
            else:
                await send(prefix + batch)


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
