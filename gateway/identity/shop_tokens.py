"""Bearer tokens of the back-office APIs.

A token looks like ``17|secret``: the number finds it, the secret proves it. Only the SHA-256 of
the secret is kept. It belongs to one user and one API, carries abilities, and can be ended by
itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from gateway.domain.clock import Clock
from gateway.domain.errors import Forbidden, Invalid, NotFound
from gateway.domain.principal import ShopPrincipal
from gateway.identity.digests import digest, matches
from gateway.identity.tokens import refused
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, shops
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.shops import ApiToken, ShopUser

APIS = frozenset({"repair", "planner", "field_sales"})
EVERYTHING = "*"

_LARGEST_ID = 2**63 - 1


class ShopTokens:
    """Makes, judges and ends tokens."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def principal(self, api: str, token: str) -> ShopPrincipal:
        """Return whose token it is.

        Raises:
            Unauthorized: it is malformed, unknown, revoked, expired, of another API, or its
                user is disabled.
        """
        known, user = await self._find(api, token)
        return ShopPrincipal(user.tenant_id, user.id, user.role, frozenset(known.abilities))

    async def mint(
        self,
        api: str,
        principal: ShopPrincipal,
        *,
        name: str,
        abilities: Iterable[str] = (EVERYTHING,),
        expires_at: datetime | None = None,
    ) -> str:
        """Make another token of the caller's and return it; it is shown once.

        Raises:
            Forbidden: it would be able to do more than the token that asks for it.
            Invalid: there is no such API.
        """
        wanted = tuple(dict.fromkeys(abilities))
        if EVERYTHING not in principal.abilities and not principal.abilities >= set(wanted):
            raise Forbidden(
                "identity.token_too_wide",
                "A token cannot make one that may do more than itself. Ask for fewer abilities.",
                field="abilities",
            )
        return await self._database.write(
            self._mint, api, principal.user_id, name, wanted, expires_at
        )

    async def list(self, api: str, principal: ShopPrincipal) -> tuple[ApiToken, ...]:
        """Return the caller's good tokens of this API, the newest first."""
        return await self._database.read(shops.tokens_of, api, principal.user_id)

    async def revoke(self, api: str, principal: ShopPrincipal, token_id: int) -> None:
        """End one of the caller's tokens.

        Raises:
            NotFound: they have no such good token.
        """
        if not await self._database.write(self._revoke, api, token_id, principal.user_id):
            raise NotFound("identity.no_such_token", f"You have no token {token_id}.")

    async def revoke_presented(self, api: str, token: str) -> None:
        """End the token that is presented, and no other: signing out.

        Raises:
            Unauthorized: as :meth:`principal`.
        """
        known, user = await self._find(api, token)
        await self._database.write(self._revoke, api, known.id, user.id)

    def make(
        self,
        connection: Connection,
        api: str,
        user: ShopUser,
        *,
        name: str,
        abilities: tuple[str, ...] = (EVERYTHING,),
        expires_at: datetime | None = None,
    ) -> str:
        """Store a new token of ``user`` in the caller's transaction and return it.

        Raises:
            Invalid: there is no such API.
        """
        if api not in APIS:
            raise Invalid("identity.no_such_api", f"There is no back-office API {api!r}.")
        now, secret = self._clock(), secrets.token_urlsafe(30)
        token = ApiToken(
            0, api, user.tenant_id, user.id, name[:255], abilities, now, expires_at, None
        )
        token_id = shops.add_token(connection, token, digest(secret))
        self._note(connection, "token.made", user.id, user.tenant_id, api, token_id)
        return f"{token_id}|{secret}"

    async def _find(self, api: str, token: str) -> tuple[ApiToken, ShopUser]:
        token_id, secret = _parts(token)
        known = await self._database.read(shops.find_token, token_id)
        right = matches(None if known is None else known[1], secret)
        if known is None or not right or not self._is_good(known[0], known[2], api):
            raise refused()
        return known[0], known[2]

    def _is_good(self, token: ApiToken, user: ShopUser, api: str) -> bool:
        expired = token.expires_at is not None and token.expires_at <= self._clock()
        return token.api == api and token.revoked_at is None and not expired and user.enabled

    def _mint(
        self,
        connection: Connection,
        api: str,
        user_id: int,
        name: str,
        abilities: tuple[str, ...],
        expires_at: datetime | None,
    ) -> str:
        user = shops.find_user(connection, user_id)
        if user is None:
            raise NotFound("identity.no_such_user", "This user does not exist any more.")
        return self.make(
            connection, api, user, name=name, abilities=abilities, expires_at=expires_at
        )

    def _revoke(self, connection: Connection, api: str, token_id: int, user_id: int) -> bool:
        if not shops.revoke_token(connection, api, token_id, user_id, self._clock()):
            return False
        self._note(connection, "token.revoked", user_id, None, api, token_id)
        return True

    def _note(
        self,
        connection: Connection,
        action: str,
        user_id: int,
        tenant_id: int | None,
        api: str,
        token_id: int,
    ) -> None:
        subject = f"shop_user:{user_id}"
        entry = AuditEntry(
            self._clock(),
            action,
            subject,
            subject,
            tenant_id,
            detail={"token": token_id, "api": api},
        )
        audit.record(connection, entry)


def _parts(token: str) -> tuple[int, str]:
    number, bar, secret = token.partition("|")
    if not bar or not number.isascii() or not number.isdigit() or len(number) > 19:
        raise refused()
    return min(int(number), _LARGEST_ID), secret
