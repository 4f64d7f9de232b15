"""Websocket frames that many connections are sent alike.

A server's frames are not masked (RFC 6455 5.1), and a message may go uncompressed though
compression was agreed on (RFC 7692 6): so one text is the same bytes for everybody, made once.
Through the server's layers each of them would be made anew, by a task of its own.

The server tells the application by an extension of the ASGI scope how to hand over such a frame;
where there is none (another server, tests), text is sent as always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from wsproto.frame_protocol import FrameProtocol

#: Name of the extension in a websocket's scope, and of its one member.
EXTENSION, MEMBER = "gateway.frames", "send_nowait"

#: Sends a frame at once, as a whole; ``False`` where something is in the way and nothing was sent.
SendFrame = Callable[[bytes], bool]


def text_frame(text: str) -> bytes:
    """Return a server's frame with this text."""
    return bytes(FrameProtocol(client=False, extensions=[]).send_data(text, fin=True))


# Any: ASGI scopes are dictionaries of many shapes.
def announce(scope: Mapping[str, Any], send: SendFrame) -> None:
    """Let the application of a websocket's ``scope`` know of ``send``."""
    scope["extensions"][EXTENSION] = {MEMBER: send}


def frame_sender(scope: Mapping[str, Any]) -> SendFrame:
    """Return what sends frames on the websocket of this scope; it refuses where nothing does."""
    offered = (scope.get("extensions") or {}).get(EXTENSION, {})
    return cast("SendFrame", offered.get(MEMBER, _refuse))


def _refuse(_frame: bytes) -> bool:
    return False
