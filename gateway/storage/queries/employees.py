"""People of a garage at its portal, each with an email and a password of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.identity import password_reset, portal_user


@dataclass(frozen=True, slots=True)
class Employee:
    """Somebody of a garage.

    Attributes:
        uuid: who.
        tenant_id: the garage.
        given_name: as they write it.
        family_name: as they write it.
        username: the email they sign in with, lower case; ``None`` while they cannot.
        locale: BCP 47 tag of the language they are written in.
        enabled: whether they may come in.
    """

    uuid: UUID
    tenant_id: int
    given_name: str
    family_name: str
    username: str | None
    locale: str
    enabled: bool


_COLUMNS = tuple(portal_user.c[name] for name in Employee.__dataclass_fields__)


def of_tenant(
    connection: Connection, tenant_id: int, *, offset: int, limit: int
) -> Page[Employee]:
    """Return a garage's employees by name; the user of its connectors is none of them."""
    query = (
        _employees()
        .where(portal_user.c.tenant_id == tenant_id, portal_user.c.comes_by_connector.is_(False))
        .order_by(portal_user.c.family_name, portal_user.c.given_name, portal_user.c.uuid)
    )
    return fetch_page(connection, query, _employee, offset=offset, limit=limit)


def find(connection: Connection, tenant_id: int, uuid: UUID) -> Employee | None:
    """Return one of a garage's people; also the user of its connectors, who is a caller too."""
    query = _employees().where(portal_user.c.tenant_id == tenant_id, portal_user.c.uuid == uuid)
    row = connection.execute(query).one_or_none()
    return None if row is None else _employee(row)


def find_by_username(connection: Connection, username: str) -> tuple[Employee, str | None] | None:
    """Return who signs in with this email, and the hash of their password if they have one."""
    query: Select[tuple[object, ...]] = select(*_COLUMNS, portal_user.c.password_hash)
    query = query.where(portal_user.c.username == username)
    row = connection.execute(query).one_or_none()
    return None if row is None else (_employee(row), row.password_hash)


def username_taken(connection: Connection, username: str, by_another_than: UUID) -> bool:
    """Tell whether somebody else has this email."""
    query = select(func.count()).where(
        portal_user.c.username == username, portal_user.c.uuid != by_another_than
    )
    return connection.execute(query).scalar_one() > 0


def add(connection: Connection, employee: Employee, now: datetime) -> None:
    """Store somebody new."""
    values = {name: getattr(employee, name) for name in Employee.__dataclass_fields__}
    connection.execute(insert(portal_user).values(created_at=now, **values))


def change(connection: Connection, employee: Employee) -> None:
    """Store what has changed of somebody."""
    connection.execute(
        update(portal_user)
        .where(portal_user.c.uuid == employee.uuid)
        .values(
            given_name=employee.given_name,
            family_name=employee.family_name,
            username=employee.username,
            locale=employee.locale,
            enabled=employee.enabled,
        )
    )


def set_password_hash(connection: Connection, uuid: UUID, password_hash: str) -> None:
    """Replace the hash of somebody's password."""
    connection.execute(
        update(portal_user).where(portal_user.c.uuid == uuid).values(password_hash=password_hash)
    )


def add_reset(
    connection: Connection, secret_hash: bytes, user: UUID, now: datetime, expires_at: datetime
) -> None:
    """Store what a mailed code proves; codes that were mailed before are good no more."""
    spend_resets(connection, user, now)
    connection.execute(
        insert(password_reset).values(
            secret_hash=secret_hash, user_uuid=user, issued_at=now, expires_at=expires_at
        )
    )


def use_reset(connection: Connection, secret_hash: bytes, now: datetime) -> UUID | None:
    """Spend a mailed code; ``None`` when it is unknown, spent or expired."""
    user: UUID | None = connection.execute(
        update(password_reset)
        .where(
            password_reset.c.secret_hash == secret_hash,
            password_reset.c.used_at.is_(None),
            password_reset.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(password_reset.c.user_uuid)
    ).scalar_one_or_none()
    return user


def spend_resets(connection: Connection, user: UUID, now: datetime) -> None:
    """Let no code that was mailed to somebody be good any more."""
    connection.execute(
        update(password_reset)
        .where(password_reset.c.user_uuid == user, password_reset.c.used_at.is_(None))
        .values(used_at=now)
    )


def _employees() -> Select[tuple[object, ...]]:
    return select(*_COLUMNS)


# Row is generic in its tuple type, which a select of starred columns does not tell.
def _employee(row: Row[tuple[object, ...]]) -> Employee:
    return Employee(
        uuid=row.uuid,
        tenant_id=row.tenant_id,
        given_name=row.given_name,
        family_name=row.family_name,
        username=row.username,
        locale=row.locale,
        enabled=row.enabled,
    )
