"""One plain text to one reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from gateway.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody is written.

    Attributes:
        recipient: one address.
        subject: one line.
        text: plain text, in lines.
    """

    recipient: str
    subject: str
    text: str

    def to_bytes(self, sender: str, now: datetime) -> bytes:
        """Return it as it travels (RFC 5322).

        Raises:
            Invalid: address or subject cannot stand in a header.
        """
        message = EmailMessage()
        try:
            message["From"] = sender
            message["To"] = self.recipient
            message["Subject"] = self.subject
        except (ValueError, IndexError) as error:
            detail = f"The address {self.recipient!r} cannot be written to. Correct it."
            raise Invalid("mail.header", detail) from error
        message["Date"] = format_datetime(now)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        # RFC 3834: nobody's absence note should answer this.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self.text)
        return message.as_bytes()
