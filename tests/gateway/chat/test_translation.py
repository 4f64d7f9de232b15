"""Against a real HTTP server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.chat import translation as room
from gateway.chat.translation import Translator
from gateway.config import ChatSettings, Secret
from gateway.domain.errors import Invalid, Unavailable

pytestmark = pytest.mark.slow


class LibreTranslate(ThreadingHTTPServer):
    """Answers as LibreTranslate does, or as a test wants it.

    Attributes:
        asked: the bodies of the requests.
        answer: status and body instead of a translation.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, bytes] | None = None
        self.silence = threading.Event()
        self.is_silent = False


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, LibreTranslate)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append({"path": self.path, **body})
        if server.is_silent:
            server.silence.wait(10)
            return
        status, answer = server.answer or (
            200,
            json.dumps(
                {
                    "translatedText": body["q"].upper(),
                    "detectedLanguage": {"language": "en", "confidence": 92},
                }
            ).encode(),
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[LibreTranslate]:
    opened = LibreTranslate()
    thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield opened
    opened.silence.set()
    opened.shutdown()
    thread.join()
    opened.server_close()


def translator(server: LibreTranslate, log: FilteringBoundLogger, **changes: Any) -> Translator:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    return Translator(ChatSettings(translation_url=url, **changes), log)


async def test_words_come_back_in_another_language(
    server: LibreTranslate, log: FilteringBoundLogger
) -> None:
    made = await translator(server, log, translation_key=Secret("k")).translate("hello", "nl-NL")
    assert (made.original, made.translated) == ("hello", "HELLO")
    assert (made.source_language, made.target_language) == ("en", "nl-NL")
    assert server.asked == [
        {
            "path": "/translate",
            "q": "hello",
            "source": "auto",
            "target": "nl",
            "format": "text",
            "api_key": "k",
        }
    ]


async def test_a_language_that_differs_by_country_keeps_it(
    server: LibreTranslate, log: FilteringBoundLogger
) -> None:
    await translator(server, log).translate("hello", "pt-BR")
    assert server.asked[0]["target"] == "pt-BR"
    assert "api_key" not in server.asked[0]


async def test_nothing_is_nothing_in_every_language(
    server: LibreTranslate, log: FilteringBoundLogger
) -> None:
    made = await translator(server, log).translate(" ", "nl")
    assert (made.translated, server.asked) == (" ", [])


async def test_without_a_server_it_says_so(log: FilteringBoundLogger) -> None:
    with pytest.raises(Unavailable, match=r"chat\.translation_url"):
        await Translator(ChatSettings(), log).translate("hello", "nl")


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (403, b'{"error": "Invalid API key"}'),
        (302, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"translatedText": 7}'),
        (200, b"\xff\xfe"),
    ],
)
async def test_a_server_that_fails_is_a_clear_refusal(
    server: LibreTranslate,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    answer: tuple[int, bytes],
) -> None:
    server.answer = answer
    with pytest.raises(Unavailable) as caught:
        await translator(server, log).translate("very private", "nl")
    assert caught.value.code == "chat.translation_failed"
    assert "very private" not in repr(logged.calls)


async def test_an_endless_answer_is_cut(
    server: LibreTranslate, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LARGEST_ANSWER", 1_000)
    server.answer = (200, b'{"translatedText": "' + b"x" * 5_000 + b'"}')
    with pytest.raises(Unavailable):
        await translator(server, log).translate("hello", "nl")


async def test_a_silent_server_is_given_its_time(
    server: LibreTranslate, log: FilteringBoundLogger
) -> None:
    server.is_silent = True
    with pytest.raises(Unavailable):
        await translator(server, log, translation_timeout=0.1).translate("hello", "nl")


async def test_nobody_there(server: LibreTranslate, log: FilteringBoundLogger) -> None:
    settings = ChatSettings(translation_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        await Translator(settings, log).translate("hello", "nl")


@pytest.mark.parametrize("tag", ["", "x", "n l", "nl_NL", "../nl", "en-" + "x" * 40])
async def test_what_is_no_language_is_not_asked_for(
    server: LibreTranslate, log: FilteringBoundLogger, tag: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await translator(server, log).translate("hello", tag)
    assert (caught.value.field, server.asked) == ("target_language", [])


async def test_a_language_the_server_does_not_know(
    server: LibreTranslate, log: FilteringBoundLogger
) -> None:
    server.answer = (400, b'{"error": "xx is not supported"}')
    with pytest.raises(Invalid) as caught:
        await translator(server, log).translate("hello", "xx")
    assert caught.value.field == "target_language"


async def test_a_novel_is_not_sent(server: LibreTranslate, log: FilteringBoundLogger) -> None:
    with pytest.raises(Invalid):
        await translator(server, log).translate("x" * 4_001, "nl")
