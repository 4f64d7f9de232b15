"""Signing keys, encrypted by whoever calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from gateway.storage.tables.identity import signing_key


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key as it is kept.

    Attributes:
        kid: its name in the header of the tokens it signed.
        private_key: encrypted.
        created_at: UTC.
        retired_at: since when it signs nothing new; ``None`` for the key in use.
    """

    kid: str
    private_key: bytes
    created_at: datetime
    retired_at: datetime | None


def every(connection: Connection) -> tuple[StoredKey, ...]:
    """Return all keys, the newest first."""
    rows = connection.execute(select(signing_key).order_by(signing_key.c.created_at.desc()))
    return tuple(StoredKey(**row) for row in rows.mappings())


def replace(
    connection: Connection, new: StoredKey, *, created_before: datetime, forget_before: datetime
) -> bool:
    """Make ``new`` the key in use, unless another process has just made one.

    Args:
        connection: a writing connection.
        new: the key to store.
        created_before: a key in use that is younger than this stays, and ``new`` is not stored.
        forget_before: keys retired before this have no valid token left, and are deleted.

    Returns:
        Whether ``new`` is the key in use now.
    """
    young_enough = connection.execute(
        select(signing_key.c.kid)
        .where(signing_key.c.retired_at.is_(None), signing_key.c.created_at > created_before)
        .with_for_update()
    ).first()
    if young_enough is not None:
        return False
    connection.execute(
        update(signing_key)
        .where(signing_key.c.retired_at.is_(None))
        .values(retired_at=new.created_at)
    )
    connection.execute(delete(signing_key).where(signing_key.c.retired_at < forget_before))
    connection.execute(
        insert(signing_key).values(
            kid=new.kid, private_key=new.private_key, created_at=new.created_at
        )
    )
    return True
