"""One conversation with the mail server (RFC 5321), blocking: for worker threads."""

from __future__ import annotations

import smtplib
import ssl

from gateway.config import MailSettings


class Undeliverable(Exception):
    """The server refused this letter for good; trying again is of no use."""


class NotNow(Exception):
    """The server is not there, or refused for the time being."""


def submit(settings: MailSettings, recipient: str, letter: bytes) -> None:
    """Hand one letter to the server.

    Raises:
        Undeliverable: it answered with a 5xx to this sender, reader or text.
        NotNow: anything else went wrong, a wrong password included: that can be put right.
    """
    try:
        with _connected(settings) as server:
            server.sendmail(settings.sender, [recipient], letter)
    except smtplib.SMTPRecipientsRefused as error:
        ((code, text),) = error.recipients.values()
        raise _refusal(code, text) from error
    except smtplib.SMTPAuthenticationError as error:
        raise NotNow(f"the server does not take the password: {error.smtp_code}") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotNow(f"{type(error).__name__}: {error}") from error


def _connected(settings: MailSettings) -> smtplib.SMTP:
    """Return a server that knows who we are; leaving its block says goodbye."""
    place = (settings.host, settings.port)
    if settings.encryption == "tls":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=settings.timeout, context=context)
    else:
        server = smtplib.SMTP(*place, timeout=settings.timeout)
    try:
        if settings.encryption == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.password is not None:
            server.login(settings.username, settings.password.reveal())
    except BaseException:
        server.close()
        raise
    return server


def _refusal(code: int, text: bytes | str) -> Undeliverable | NotNow:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    kind = Undeliverable if 500 <= code < 600 else NotNow
    return kind(f"{code} {words}")
