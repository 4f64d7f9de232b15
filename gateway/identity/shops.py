"""People at a garage's desk: added by those who run the gateway, let in by email and password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from gateway.domain.principal import ShopPrincipal
from gateway.identity.admission import lockouts_of, seconds_until
from gateway.identity.emails import checked_email
from gateway.identity.hashing import SecretHasher, check_password
from gateway.identity.shop_tokens import ShopTokens
from gateway.identity.throttle import Throttle, network_of, too_many
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, shops, sign_in_locks
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.shops import ShopUser
from gateway.storage.queries.sign_in_locks import Guarded

ROLES = frozenset({"owner", "manager", "employee", "api"})


@dataclass(frozen=True, slots=True)
class ShopLogin:
    """A user who came in, and the token that was made for it."""

    user: ShopUser
    token: str


@dataclass(frozen=True, slots=True)
class _Login:
    """What an attempt meets."""

    email: str
    locked_until: datetime | None
    user: ShopUser | None
    password_hash: str | None


class Shops:
    """Adds shop users and lets them in."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        throttle: Throttle,
        tokens: ShopTokens,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._throttle = throttle
        self._tokens = tokens
        self._clock = clock
        self._lockouts = lockouts_of(settings)

    async def add_user(
        self, tenant_id: int, *, name: str, email: str, password: str, role: str, actor: str
    ) -> ShopUser:
        """Add somebody to a garage's desk.

        Raises:
            Invalid: the role is unknown, the password is too short, or the email is none.
            NotFound: there is no such garage.
            Conflict: somebody has this email.
        """
        user = ShopUser(
            0, tenant_id, name, checked_email(email, field="email"), role, enabled=True
        )
        _check_new_user(user, password)
        password_hash = await self._hasher.hash(password)
        return await self._database.write(self._add_user, user, password_hash, actor)

    async def login(
        self, api: str, email: str, password: str, *, address: str, name: str = "login"
    ) -> ShopLogin:
        """Let a user in and make a token for them that may do everything they may.

        Args:
            api: the back-office API the token is for.
            email: as typed; its case does not matter.
            password: as typed.
            address: the caller's network address.
            name: what the token is called in their list.

        Raises:
            Unauthorized: email and password do not belong together, or the user is disabled.
            Throttled: too many attempts on this email, from this address, or altogether.
        """
        with self._throttle.attempt(address, trio.current_time()) as attempt:
            now = self._clock()
            login = await self._database.write(
                self._begin, email.strip().lower()[:255], network_of(address), now
            )
            if login.locked_until is not None:
                raise too_many(seconds_until(login.locked_until, now))
            right = await self._hasher.verify(login.password_hash, password)
            renewed = await self._renewed(login, password) if right else None
            admitted = await self._database.write(
                self._judge, login, right, renewed, api, name, address
            )
            if admitted is None:
                raise Unauthorized(
                    "identity.sign_in_refused",
                    "The email and the password do not belong together. Check both.",
                )
            attempt.succeeded()
            return admitted

    async def hash_password(self, password: str) -> str:
        """Return what is stored of a password that somebody chose.

        Raises:
            Invalid: it is too short, or too long.
        """
        check_password(password)
        return await self._hasher.hash(password)

    async def user(self, principal: ShopPrincipal) -> ShopUser:
        """Return the user behind a principal.

        Raises:
            NotFound: they are gone.
        """
        known = await self._database.read(shops.find_user, principal.user_id)
        if known is None:
            raise NotFound("identity.no_such_user", "This user does not exist any more.")
        return known

    async def _renewed(self, login: _Login, password: str) -> str | None:
        """Return the password's hash at the present cost, if the stored one has another."""
        if login.password_hash is None or not self._hasher.is_outdated(login.password_hash):
            return None
        return await self._hasher.hash(password)

    # What follows runs in a database thread, each in one transaction.

    def _add_user(
        self, connection: Connection, user: ShopUser, password_hash: str, actor: str
    ) -> ShopUser:
        if people.find_tenant(connection, user.tenant_id) is None:
            raise NotFound("identity.no_such_tenant", f"There is no garage {user.tenant_id}.")
        now = self._clock()
        stored = shops.add_user(connection, user, password_hash, now)
        if stored is None:
            raise Conflict(
                "identity.email_taken", f"Somebody has the email {user.email}.", field="email"
            )
        subject = f"shop_user:{stored.id}"
        entry = AuditEntry(now, "shop_user.added", actor, subject, user.tenant_id)
        audit.record(connection, entry)
        return stored

    def _begin(self, connection: Connection, email: str, network: str, now: datetime) -> _Login:
        known = shops.find_by_email(connection, email)
        user, password_hash = (None, None) if known is None else known
        guarded = Guarded(f"shop:{email}", network)
        locked_until = sign_in_locks.count_attempt(connection, guarded, now, self._lockouts)
        if user is not None and not user.enabled:
            password_hash = None
        return _Login(email, locked_until, user, password_hash)

    def _judge(
        self,
        connection: Connection,
        login: _Login,
        right: bool,
        renewed: str | None,
        api: str,
        name: str,
        address: str,
    ) -> ShopLogin | None:
        user, account = login.user, f"shop:{login.email}"
        tenant_id = None if user is None else user.tenant_id
        action = "sign_in.admitted" if right and user is not None else "sign_in.refused"
        entry = AuditEntry(self._clock(), action, account, account, tenant_id, address)
        audit.record(connection, entry)
        if not right or user is None:
            return None
        if renewed is not None:
            shops.set_password_hash(connection, user.id, renewed)
        guarded = Guarded(account, network_of(address))
        sign_in_locks.clear_attempts(connection, guarded, self._clock())
        return ShopLogin(user, self._tokens.make(connection, api, user, name=name))


def _check_new_user(user: ShopUser, password: str) -> None:
    if user.role not in ROLES:
        known = ", ".join(sorted(ROLES))
        raise Invalid("identity.no_such_role", f"The roles are {known}.", field="role")
    check_password(password)
