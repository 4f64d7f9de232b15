"""Mail, and the translation of chats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from gateway.config.kinds import Count, Port, Seconds, Secret

#: Hosts to which a password may go without TLS: nothing leaves the machine.
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The server that takes our letters (SMTP submission, RFC 6409).

    Attributes:
        host: its name; empty means that no mail can be sent, and what needs it says so.
        port: 587 for ``starttls``, 465 for ``tls``.
        encryption: ``starttls``, ``tls`` from the first byte, or ``none`` for a server on this
            machine.
        username: for the server, where it wants one.
        password: for the server.
        sender: address the letters come from.
        timeout: seconds the server may take for one step.
        give_up_after: seconds after which a letter that nobody takes is dropped.
    """

    host: str = ""
    port: Port = 587
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: Secret | None = None
    sender: str = ""
    timeout: Seconds = 15.0
    give_up_after: Seconds = 86_400.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.host and "@" not in self.sender:
            yield "mail.sender must be the address that letters come from, since mail.host is set"
        if (self.password is None) != (not self.username):
            yield "mail.username and mail.password go together"
        if self.password is not None and self.encryption == "none" and self.host not in _LOOPBACK:
            yield "mail.password would travel unencrypted; set mail.encryption to starttls or tls"


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Messages between garages and operators.

    Attributes:
        longest_message: characters.
        translation_url: a LibreTranslate-compatible server; empty means no translation.
        translation_key: its API key, where it wants one.
        translation_timeout: seconds it may take.
        translations: requests to it at once; those beyond wait their turn.
    """

    longest_message: Annotated[int, Meta(ge=1, le=100_000)] = 4_000
    translation_url: str = ""
    translation_key: Secret | None = None
    translation_timeout: Seconds = 10.0
    translations: Count = 8

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.translation_url:
            parts = urlsplit(self.translation_url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                yield "chat.translation_url must be an http or https address"
