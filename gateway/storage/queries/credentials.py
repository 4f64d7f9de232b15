"""What customers sign in with: pincodes, one-time passwords, refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from gateway.storage.queries import sign_in_locks
from gateway.storage.tables.identity import (
    connector,
    one_time_password,
    password_reset,
    portal_user,
    refresh_token,
)


@dataclass(frozen=True, slots=True)
class ConnectorLogin:
    """What an attempt to sign in by connector meets.

    Attributes:
        account: the key of its attempts. A number and a UUID of the same connector share one.
        pincode_hash: what the pincode must match; ``None`` when nobody gets in this way.
        connector_id: its number, where there is one.
        user_uuid: who comes in: the garage's portal user.
        tenant_id: the garage, where there is one.
    """

    account: str
    pincode_hash: str | None = None
    connector_id: int | None = None
    user_uuid: UUID | None = None
    tenant_id: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who a refresh token or a one-time password lets in."""

    user_uuid: UUID
    connector_id: int | None


class RefreshOutcome(Enum):
    """What came of presenting a refresh token that grants nothing."""

    UNKNOWN = "unknown"
    REUSED = "reused"


def login_by_uuid(connection: Connection, uuid: UUID) -> ConnectorLogin:
    """Return what an attempt to sign in by a connector's UUID meets."""
    return _login(connection, connector.c.uuid == uuid, f"connector:{uuid}")


def login_by_number(connection: Connection, number: int) -> ConnectorLogin:
    """Return what an attempt to sign in by a connector's number meets."""
    return _login(connection, connector.c.id == number, f"number:{number}")


def set_pincode_hash(connection: Connection, connector_id: int, pincode_hash: str) -> None:
    """Replace the hash of a connector's pincode."""
    connection.execute(
        update(connector).where(connector.c.id == connector_id).values(pincode_hash=pincode_hash)
    )


def portal_user_of(connection: Connection, tenant_id: int) -> UUID | None:
    """Return the portal user of those who come to this garage by a connector, if enabled."""
    found: UUID | None = connection.execute(
        select(portal_user.c.uuid).where(
            portal_user.c.tenant_id == tenant_id,
            portal_user.c.comes_by_connector,
            portal_user.c.enabled,
        )
    ).scalar_one_or_none()
    return found


def add_one_time_password(
    connection: Connection, secret_hash: bytes, grant: Grant, now: datetime, expires_at: datetime
) -> None:
    """Store a one-time password for ``grant``."""
    connection.execute(
        insert(one_time_password).values(
            secret_hash=secret_hash,
            user_uuid=grant.user_uuid,
            connector_id=grant.connector_id,
            issued_at=now,
            expires_at=expires_at,
        )
    )


def use_one_time_password(
    connection: Connection, secret_hash: bytes, now: datetime
) -> Grant | None:
    """Spend a one-time password; ``None`` when it is unknown, spent or expired."""
    row = connection.execute(
        update(one_time_password)
        .where(
            one_time_password.c.secret_hash == secret_hash,
            one_time_password.c.used_at.is_(None),
            one_time_password.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(one_time_password.c.user_uuid, one_time_password.c.connector_id)
    ).one_or_none()
    return None if row is None else Grant(row.user_uuid, row.connector_id)


def add_refresh_token(
    connection: Connection,
    token_hash: bytes,
    family: UUID,
    grant: Grant,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a refresh token of ``family``."""
    connection.execute(
        insert(refresh_token).values(
            token_hash=token_hash,
            family=family,
            user_uuid=grant.user_uuid,
            connector_id=grant.connector_id,
            issued_at=now,
            expires_at=expires_at,
        )
    )


def use_refresh_token(
    connection: Connection,
    token_hash: bytes,
    new_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> Grant | RefreshOutcome:
    """Trade a refresh token for the next one of its family.

    A token that was traded before is in two hands, and nobody can tell which is the owner's: its
    whole family ends. The caller's transaction must commit for that to hold, so this returns
    what happened instead of raising.
    """
    row = connection.execute(
        select(refresh_token).where(refresh_token.c.token_hash == token_hash).with_for_update()
    ).one_or_none()
    if row is None or row.expires_at <= now or row.revoked_at is not None:
        return RefreshOutcome.UNKNOWN
    if row.used_at is not None:
        revoke_family(connection, row.family, now)
        return RefreshOutcome.REUSED
    connection.execute(
        update(refresh_token).where(refresh_token.c.token_hash == token_hash).values(used_at=now)
    )
    grant = Grant(row.user_uuid, row.connector_id)
    add_refresh_token(connection, new_hash, row.family, grant, now, expires_at)
    return grant


def revoke_user(connection: Connection, user_uuid: UUID, now: datetime) -> None:
    """End every refresh token of a user: their password changed, or they may not enter."""
    connection.execute(
        update(refresh_token)
        .where(refresh_token.c.user_uuid == user_uuid, refresh_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_family(connection: Connection, family: UUID, now: datetime) -> None:
    """End every refresh token that came of one sign-in."""
    connection.execute(
        update(refresh_token)
        .where(refresh_token.c.family == family, refresh_token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def prune(connection: Connection, now: datetime) -> int:
    """Delete what can let nobody in any more and tells nothing; return how many rows."""
    expired = (
        delete(refresh_token).where(refresh_token.c.expires_at <= now),
        delete(one_time_password).where(one_time_password.c.expires_at <= now),
        delete(password_reset).where(password_reset.c.expires_at <= now),
    )
    removed = sum(connection.execute(statement).rowcount for statement in expired)
    return removed + sign_in_locks.prune(connection, now)


def _login(connection: Connection, wanted: ColumnElement[bool], account: str) -> ConnectorLogin:
    row = connection.execute(
        select(
            connector.c.uuid,
            connector.c.id,
            connector.c.tenant_id,
            connector.c.pincode_hash,
            connector.c.disabled_at,
        ).where(wanted)
    ).one_or_none()
    if row is None:
        return ConnectorLogin(account)
    account = f"connector:{row.uuid}"
    user_uuid = portal_user_of(connection, row.tenant_id)
    if row.disabled_at is not None or user_uuid is None:
        return ConnectorLogin(account, tenant_id=row.tenant_id)
    return ConnectorLogin(account, row.pincode_hash, row.id, user_uuid, row.tenant_id)
