"""What comes into a garage's mailbox, read over IMAP (RFC 9051); blocking, for a thread.

Nothing is changed there: letters stay, and stay unread. Where one has read to is told by the
server's own numbers, which only grow until it says that it numbers anew (UIDVALIDITY).
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from time import monotonic
from typing import Any

from typing_extensions import override

from gateway.backoffice.outside import TIME_LIMIT
from gateway.backoffice.refusal import Upstream

#: Larger letters are left out; and no more is held in memory than a few of them.
LARGEST = 20 * 1024 * 1024

#: Letters of one look, and seconds after which it begins no other one.
_MOST, _LONGEST = 20, 60.0

#: How far back one looks where the server numbers anew; what is known is known by its own name.
_LOOK_BACK = timedelta(days=2)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a garage's letters come in.

    Attributes:
        encryption: ``ssl`` is TLS from the start, ``tls`` is STARTTLS, ``none`` is neither.
        folder: ASCII, as the server calls it.
    """

    host: str
    port: int
    encryption: str
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a mailbox was read: the server's numbering, and the last number in it."""

    validity: int
    last: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One that came in.

    Attributes:
        position: up to where the mailbox is read with it.
        data: RFC 5322; ``None`` where it is larger than :data:`LARGEST`.
    """

    position: Position
    data: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class News:
    """What one look found: letters, oldest first, and where a first look begins."""

    position: Position
    letters: tuple[Letter, ...]


def read_new(box: Mailbox, since: Position | None, today: date) -> News:
    """Return what came in after ``since``; the first look only notes where it begins.

    Raises:
        Upstream: it cannot be reached, refuses, or answers nonsense.
    """
    try:
        with _connected(box) as connection:
            return _news(connection, box, since, today)
    except (OSError, imaplib.IMAP4.error, ValueError, EOFError) as error:
        raise Upstream(f"The mailbox at {box.host} cannot be read: {_reason(error)}") from error


class _Bounded:
    """Reads no letter that is larger than it said it was, whoever answers."""

    # Any: mixed into two classes that share no base with these methods.
    def read(self: Any, size: int) -> bytes:
        if size > LARGEST:
            raise imaplib.IMAP4.error("the server sends more than it was asked for")
        data: bytes = self.file.read(size)
        return data


class _Plain(_Bounded, imaplib.IMAP4):
    """Without encryption, or until STARTTLS."""


class _Tls(_Bounded, imaplib.IMAP4_SSL):
    """TLS from the start."""

    @override
    def __repr__(self) -> str:
        return f"<IMAP over TLS to {self.host}>"


def _connected(box: Mailbox) -> imaplib.IMAP4:
    secure = ssl.create_default_context()
    if box.encryption == "ssl":
        tls = _Tls(box.host, box.port, ssl_context=secure, timeout=TIME_LIMIT)
        return _signed_in(tls, box)
    connection = _Plain(box.host, box.port, timeout=TIME_LIMIT)
    if box.encryption == "tls":
        connection.starttls(secure)
    return _signed_in(connection, box)


def _signed_in(connection: imaplib.IMAP4, box: Mailbox) -> imaplib.IMAP4:
    try:
        if "AUTH=PLAIN" in connection.capabilities:
            said = f"\0{box.username}\0{box.password}".encode()
            connection.authenticate("PLAIN", lambda _: said)
        else:
            connection.login(box.username, box.password)
    except BaseException:
        connection.shutdown()
        raise
    return connection


def _news(connection: imaplib.IMAP4, box: Mailbox, since: Position | None, today: date) -> News:
    _checked(connection.select(f'"{box.folder}"', readonly=True))
    validity = _number(connection.response("UIDVALIDITY"))
    if since is None:
        return News(Position(validity, _number(connection.response("UIDNEXT")) - 1), ())
    same = since.validity == validity
    begin = Position(validity, since.last if same else 0)
    day = today - _LOOK_BACK
    # Of a month's name by its number: the locale must not translate it.
    recent = f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"
    wanted = f"UID {begin.last + 1}:*" if same else recent
    found = _checked(connection.uid("SEARCH", wanted))
    # ``7:*`` also finds the last letter when its number is below 7.
    numbers = sorted(uid for uid in map(int, b" ".join(found).split()) if uid > begin.last)
    letters = tuple(_letters(connection, validity, numbers[:_MOST]))
    return News(begin, letters)


def _letters(connection: imaplib.IMAP4, validity: int, numbers: list[int]) -> Iterator[Letter]:
    held, end = 0, monotonic() + _LONGEST
    for uid in numbers:
        if monotonic() > end:
            return  # the rest at the next look
        told = _checked(connection.uid("FETCH", str(uid), "(RFC822.SIZE)"))
        size = re.search(rb"RFC822\.SIZE (\d+)", told[0] if told else b"")
        if size is None:
            continue  # somebody removed it meanwhile
        position = Position(validity, uid)
        if int(size[1]) > LARGEST:
            yield Letter(position, None)
            continue
        held += int(size[1])
        if held > LARGEST:
            return  # the rest at the next look
        parts = connection.uid("FETCH", str(uid), "(BODY.PEEK[])")[1]
        data = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if data is not None:
            yield Letter(position, data)


# Any: imaplib's own shapes, here and below.
def _checked(answer: tuple[str, Any]) -> list[bytes]:
    state, data = answer
    if state != "OK":
        said = b" ".join(one for one in data if isinstance(one, bytes))
        raise imaplib.IMAP4.error(said.decode("utf-8", "replace"))
    return [one for one in data if isinstance(one, bytes)]


def _number(answer: tuple[str, Any]) -> int:
    data = answer[1]
    if not data or data[0] is None:
        raise ValueError(f"the server does not say its {answer[0]}")
    return int(data[-1])


def _reason(error: Exception) -> str:
    """Return what the server said, in one line without anything of ours."""
    if isinstance(error, (imaplib.IMAP4.error, ValueError)):
        return " ".join(str(error).split())[:200]
    return type(error).__name__
