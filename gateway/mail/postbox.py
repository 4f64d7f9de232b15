"""Queues letters in the transaction that gives the reason for them."""

from __future__ import annotations

from datetime import datetime

from cryptography.fernet import Fernet, MultiFernet

from gateway.config import MailSettings
from gateway.domain.errors import Unavailable
from gateway.mail.letters import Letter
from gateway.storage.database import Connection
from gateway.storage.queries import mail


class Postbox:
    """Where letters are put in.

    Args:
        settings: where letters come from.
        fernet: seals what waits.
    """

    def __init__(self, settings: MailSettings, fernet: Fernet | MultiFernet) -> None:
        self._settings = settings
        self._fernet = fernet

    @property
    def is_open(self) -> bool:
        """Whether letters can be sent at all."""
        return bool(self._settings.host)

    def require_open(self) -> None:
        """Refuse what cannot be done without mail.

        Raises:
            Unavailable: no server is configured.
        """
        if not self.is_open:
            raise Unavailable(
                "mail.not_configured",
                "This gateway has no mail server. Ask whoever runs it to set [mail].",
            )

    def put(self, connection: Connection, letter: Letter, now: datetime) -> None:
        """Queue ``letter``; it goes out if the caller's transaction commits.

        Raises:
            Invalid: its address cannot be written to.
        """
        sealed = self._fernet.encrypt(letter.to_bytes(self._settings.sender, now))
        mail.add(connection, letter.recipient, letter.subject, sealed, now)
