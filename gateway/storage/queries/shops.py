"""People at a garage's desk and the tokens of the back-office APIs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from gateway.storage.tables.identity import api_token, shop_user


@dataclass(frozen=True, slots=True)
class ShopUser:
    """Somebody at a garage's desk.

    Attributes:
        id: row id.
        tenant_id: the garage.
        name: for people.
        email: what they sign in with, lower case.
        role: ``owner``, ``manager``, ``employee`` or ``api``.
        enabled: whether they may come in.
    """

    id: int
    tenant_id: int
    name: str
    email: str
    role: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token of a back-office API, without its secret.

    Attributes:
        id: the part before the bar.
        api: ``repair``, ``planner`` or ``field_sales``.
        tenant_id: the garage.
        shop_user_id: whose rights it carries.
        name: what its owner calls it.
        abilities: what it may do; ``*`` is everything its user may.
        created_at: UTC.
        expires_at: UTC, or ``None``.
        revoked_at: UTC, or ``None`` while it is good.
    """

    id: int
    api: str
    tenant_id: int
    shop_user_id: int
    name: str
    abilities: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def add_user(
    connection: Connection, user: ShopUser, password_hash: str, now: datetime
) -> ShopUser | None:
    """Store ``user`` (its id is given here); ``None`` when somebody has that email.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such tenant.
    """
    if find_by_email(connection, user.email) is not None:
        return None
    user_id = connection.execute(
        insert(shop_user)
        .values(
            tenant_id=user.tenant_id,
            name=user.name,
            email=user.email,
            role=user.role,
            enabled=user.enabled,
            password_hash=password_hash,
            created_at=now,
        )
        .returning(shop_user.c.id)
    ).scalar_one()
    return ShopUser(user_id, user.tenant_id, user.name, user.email, user.role, user.enabled)


def find_by_email(connection: Connection, email: str) -> tuple[ShopUser, str] | None:
    """Return the user with this email (lower case) and the hash of their password."""
    row = connection.execute(
        _users().add_columns(shop_user.c.password_hash).where(shop_user.c.email == email)
    ).one_or_none()
    return None if row is None else (_user(row), row.password_hash)


def find_user(connection: Connection, user_id: int) -> ShopUser | None:
    """Return one user."""
    row = connection.execute(_users().where(shop_user.c.id == user_id)).one_or_none()
    return None if row is None else _user(row)


def set_password_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """Replace the hash of a user's password."""
    connection.execute(
        update(shop_user).where(shop_user.c.id == user_id).values(password_hash=password_hash)
    )


def add_token(connection: Connection, token: ApiToken, secret_hash: bytes) -> int:
    """Store ``token`` and return its id."""
    return int(
        connection.execute(
            insert(api_token)
            .values(
                api=token.api,
                tenant_id=token.tenant_id,
                shop_user_id=token.shop_user_id,
                name=token.name,
                secret_hash=secret_hash,
                abilities=list(token.abilities),
                created_at=token.created_at,
                expires_at=token.expires_at,
            )
            .returning(api_token.c.id)
        ).scalar_one()
    )


def find_token(connection: Connection, token_id: int) -> tuple[ApiToken, bytes, ShopUser] | None:
    """Return a token, the hash of its secret and whose it is."""
    row = connection.execute(_TOKEN, {"token_id": token_id}).one_or_none()
    if row is None:
        return None
    user = ShopUser(*row[len(api_token.c) :])
    return _token(row), row.secret_hash, user


def tokens_of(connection: Connection, api: str, user_id: int) -> tuple[ApiToken, ...]:
    """Return a user's good tokens of one API, the newest first."""
    rows = connection.execute(
        select(api_token)
        .where(
            api_token.c.api == api,
            api_token.c.shop_user_id == user_id,
            api_token.c.revoked_at.is_(None),
        )
        .order_by(api_token.c.id.desc())
    )
    return tuple(_token(row) for row in rows)


def revoke_token(
    connection: Connection, api: str, token_id: int, user_id: int, now: datetime
) -> bool:
    """End a user's token; ``False`` when they have no such good token."""
    result = connection.execute(
        update(api_token)
        .where(
            api_token.c.id == token_id,
            api_token.c.api == api,
            api_token.c.shop_user_id == user_id,
            api_token.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    return result.rowcount == 1


_USER = tuple(
    shop_user.c[name] for name in ("id", "tenant_id", "name", "email", "role", "enabled")
)

#: Every request of a back office begins with it: one statement, built once.
_TOKEN = (
    select(api_token, *(column.label(f"user_{column.name}") for column in _USER))
    .join(shop_user, shop_user.c.id == api_token.c.shop_user_id)
    .where(api_token.c.id == bindparam("token_id"))
)


def _users() -> Select[tuple[object, ...]]:
    return select(*_USER)


def _user(row: Row[tuple[object, ...]]) -> ShopUser:
    return ShopUser(row.id, row.tenant_id, row.name, row.email, row.role, row.enabled)


def _token(row: Row[tuple[object, ...]]) -> ApiToken:
    return ApiToken(
        id=row.id,
        api=row.api,
        tenant_id=row.tenant_id,
        shop_user_id=row.shop_user_id,
        name=row.name,
        abilities=tuple(row.abilities),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
