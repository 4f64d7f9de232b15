"""A LibreTranslate-compatible server puts words into another language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import httpx2
import msgspec
import trio
from structlog.typing import FilteringBoundLogger

from gateway.config import ChatSettings
from gateway.domain.errors import Invalid, Unavailable

#: Bytes of an answer that are read; words do not grow by more than this.
LARGEST_ANSWER = 1 << 20

#: A language as the server names it: two or three letters, then a script or a country.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")

#: Languages whose country or script makes a difference to the server.
_WHOLE = frozenset({"pt-br", "zh-hans", "zh-hant"})


@dataclass(frozen=True, slots=True)
class Translation:
    """Words in another language.

    Attributes:
        original: as they were said.
        translated: what they mean.
        source_language: what the server took the original for; may be empty.
        target_language: what was asked for.
    """

    original: str
    translated: str
    source_language: str
    target_language: str


class _Detected(msgspec.Struct, frozen=True):
    language: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """Body of a 200 of ``POST /translate``."""

    translated_text: Annotated[str, msgspec.Meta(max_length=LARGEST_ANSWER)]
    detected_language: _Detected = _Detected()


class Translator:
    """Asks the server; owns no connection between two requests.

    Args:
        settings: where the server is; without an address nothing can be translated.
        log: where it is told that the server failed.
    """

    def __init__(self, settings: ChatSettings, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._limit = trio.CapacityLimiter(settings.translations)

    async def translate(self, words: str, target_language: str) -> Translation:
        """Return ``words`` in another language.

        Raises:
            Invalid: they are too long, or the language is none the server knows.
            Unavailable: no server is configured, or it does not answer as it should.
        """
        if not self._settings.translation_url:
            raise Unavailable(
                "chat.translation_not_configured",
                "This gateway has no translation server. Ask whoever runs it to set "
                "chat.translation_url.",
            )
        if len(words) > self._settings.longest_message:
            detail = f"At most {self._settings.longest_message} characters are translated."
            raise Invalid("chat.too_long", detail, field="message.original")
        target = _language(target_language)
        if not words.strip():
            return Translation(words, words, "", target_language)
        answer = await self._ask(words, target)
        source = answer.detected_language.language
        return Translation(words, answer.translated_text, source, target_language)

    async def _ask(self, words: str, target: str) -> _Answer:
        try:
            with trio.fail_after(self._settings.translation_timeout):
                async with self._limit:
                    status, body = await self._post(words, target)
        except (httpx2.HTTPError, httpx2.InvalidURL, trio.TooSlowError) as error:
            raise self._failed(type(error).__name__) from error
        if status == 400:
            detail = f"The translation server does not take {target!r}. Choose another language."
            raise Invalid("chat.language", detail, field="target_language")
        if status != 200 or len(body) > LARGEST_ANSWER:
            raise self._failed(f"status {status}, {len(body)} bytes")
        try:
            return msgspec.json.decode(body, type=_Answer)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._failed(f"its answer: {error}") from error

    async def _post(self, words: str, target: str) -> tuple[int, bytes]:
        asked = {"q": words, "source": "auto", "target": target, "format": "text"}
        if self._settings.translation_key is not None:
            asked["api_key"] = self._settings.translation_key.reveal()
        url = f"{self._settings.translation_url.rstrip('/')}/translate"
        # Deadlines are ours; proxies of the environment are none of this server's business.
        async with (
            httpx2.AsyncClient(timeout=None, trust_env=False) as client,
            client.stream("POST", url, json=asked) as response,
        ):
            body = bytearray()
            # Read to its end, or to the deadline, but keep no more than is looked at.
            async for piece in response.aiter_bytes():
                body += piece[: LARGEST_ANSWER + 1 - len(body)]
            return response.status_code, bytes(body)

    def _failed(self, reason: str) -> Unavailable:
        self._log.warning("translation_failed", reason=reason)
        return Unavailable(
            "chat.translation_failed",
            "The translation server does not answer as it should. Try again later.",
            retry_after=10.0,
        )


def _language(tag: str) -> str:
    """Return a language as the server wants it, without a country that it does not know."""
    if _LANGUAGE.fullmatch(tag) is None:
        detail = "A language is a tag such as en, nl or pt-BR."
        raise Invalid("chat.language", detail, field="target_language")
    return tag if tag.lower() in _WHOLE else tag.partition("-")[0].lower()
