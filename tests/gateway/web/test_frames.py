from __future__ import annotations

from typing import Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage
from wsproto.extensions import PerMessageDeflate

from gateway.web.frames import announce, frame_sender, text_frame


@pytest.mark.parametrize("text", ["", "{}", "ä" * 63, "x" * 126, "x" * 70_000])
@pytest.mark.parametrize("compresses", [False, True])
def test_a_frame_is_read_as_its_text(text: str, *, compresses: bool) -> None:
    extensions = []
    if compresses:
        extensions = [PerMessageDeflate()]
        extensions[0].finalize("permessage-deflate")
    client = Connection(ConnectionType.CLIENT, extensions)  # type: ignore[arg-type]
    client.receive_data(text_frame(text))
    read = [event for event in client.events() if isinstance(event, TextMessage)]
    assert "".join(event.data for event in read) == text
    assert read[-1].message_finished


def test_what_was_announced_is_found() -> None:
    sent: list[bytes] = []

    def send(frame: bytes) -> bool:
        sent.append(frame)
        return True

    scope: dict[str, Any] = {"extensions": {"websocket.http.response": {}}}
    announce(scope, send)
    assert frame_sender(scope)(b"frame")
    assert sent == [b"frame"]
    assert "websocket.http.response" in scope["extensions"]


@pytest.mark.parametrize("scope", [{}, {"extensions": None}, {"extensions": {}}])
def test_where_nothing_was_announced_everything_is_refused(scope: dict[str, Any]) -> None:
    assert not frame_sender(scope)(b"frame")
