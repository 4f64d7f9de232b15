# ruff: noqa: N802, ARG002 - the hooks' names and arguments are the library's
"""A real mail server on loopback that keeps what it is given."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default as modern
from typing import Any

from aiosmtpd.controller import Controller

from gateway.config import MailSettings


@dataclass
class Postmaster:
    """The server's handler; aiosmtpd runs it in a thread of its own.

    Attributes:
        port: where it listens.
        refusal: what it answers every recipient with, instead of taking the letter.
        taken: letters, with those they went to.
    """

    port: int = 0
    refusal: str = ""
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    # Any: aiosmtpd's hooks are untyped.
    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=modern)
        assert isinstance(message, EmailMessage)
        self.taken.append((list(envelope.rcpt_tos), message))
        return "250 taken"

    def settings(self, **changes: Any) -> MailSettings:
        values: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "encryption": "none",
            "sender": "portal@gateway.example",
            "timeout": 2.0,
        }
        return MailSettings(**(values | changes))


@contextmanager
def mail_server(**options: Any) -> Iterator[Postmaster]:
    """Run a server for the length of the block; ``options`` are aiosmtpd's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    postmaster = Postmaster(port)
    controller = Controller(postmaster, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield postmaster
    finally:
        controller.stop()
