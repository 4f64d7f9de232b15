"""Letters on their way out: written, taken in hand, done with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update

from gateway.storage.tables.mail import mail

#: Letters, looked at beside themselves.
older = mail.alias("older")


@dataclass(frozen=True, slots=True)
class QueuedLetter:
    """A letter that is due.

    Attributes:
        id: row id.
        recipient: one address.
        sealed: the whole letter (RFC 5322), encrypted by whoever queued it.
        created_at: when it was queued, UTC.
        attempts: how often it was tried, this time included.
    """

    id: int
    recipient: str
    sealed: bytes
    created_at: datetime
    attempts: int


def add(connection: Connection, recipient: str, subject: str, sealed: bytes, now: datetime) -> int:
    """Queue a letter in the caller's transaction and return its number."""
    result = connection.execute(
        insert(mail)
        .values(
            recipient=recipient,
            subject=subject[:255],
            sealed=sealed,
            created_at=now,
            attempts=0,
            due_at=now,
        )
        .returning(mail.c.id)
    )
    return int(result.scalar_one())


def take_due(
    connection: Connection, now: datetime, lease: timedelta, limit: int
) -> tuple[QueuedLetter, ...]:
    """Take letters in hand for the length of ``lease``; meanwhile no other node gets them.

    Whoever took them and died has not lost them: they are due again when the lease ends. Letters
    to one reader go in turn, so that the newest comes last: one waits while an older one is new or
    in hand, but not behind one that the server put off.
    """
    before = exists().where(
        older.c.recipient == mail.c.recipient,
        older.c.id < mail.c.id,
        older.c.due_at.is_not(None),
        older.c.last_error.is_(None),
    )
    rows = connection.execute(
        select(mail)
        .where(mail.c.due_at <= now, ~before)
        .order_by(mail.c.due_at, mail.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return ()
    connection.execute(
        update(mail)
        .where(mail.c.id.in_([row.id for row in rows]))
        .values(due_at=now + lease, attempts=mail.c.attempts + 1)
    )
    return tuple(
        QueuedLetter(row.id, row.recipient, row.sealed, row.created_at, row.attempts + 1)
        for row in rows
    )


def delivered(connection: Connection, letter_id: int, now: datetime) -> None:
    """Note that a letter is with its reader's server; its text is deleted."""
    connection.execute(
        update(mail)
        .where(mail.c.id == letter_id)
        .values(delivered_at=now, due_at=None, sealed=None, last_error=None)
    )


def postponed(connection: Connection, letter_id: int, due_at: datetime, error: str) -> None:
    """Note why a letter did not go out, and when to try again."""
    connection.execute(
        update(mail).where(mail.c.id == letter_id).values(due_at=due_at, last_error=error[:255])
    )


def given_up(connection: Connection, letter_id: int, error: str) -> None:
    """Note that a letter cannot be delivered; its text is deleted."""
    connection.execute(
        update(mail)
        .where(mail.c.id == letter_id)
        .values(due_at=None, sealed=None, last_error=error[:255])
    )


def prune(connection: Connection, created_before: datetime) -> int:
    """Delete letters that are done with; return how many."""
    done = delete(mail).where(mail.c.due_at.is_(None), mail.c.created_at < created_before)
    return connection.execute(done).rowcount
