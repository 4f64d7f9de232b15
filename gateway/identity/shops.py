"""People at a garage's desk: added by those who run the gateway, let in by email and password."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.principal import ShopPrincipal
from gateway.identity.emails import checked_email
from gateway.identity.guarded import Account, Attempt, GuardedSignIn
from gateway.identity.hashing import SecretHasher, check_password
from gateway.identity.shop_tokens import ShopTokens
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, shops, sign_in_locks
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.shops import ShopUser

ROLES = frozenset({"owner", "manager", "employee", "api"})


@dataclass(frozen=True, slots=True)
class ShopLogin:
    """A user who came in, and the token that was made for it."""

    user: ShopUser
    token: str


class Shops:
    """Adds shop users and lets them in."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        guarded: GuardedSignIn,
        tokens: ShopTokens,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._guarded = guarded
        self._tokens = tokens
        self._clock = clock

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

        def judge(connection: Connection, attempt: Attempt[ShopUser]) -> ShopLogin | None:
            user = self._judge(connection, attempt)
            made = user and self._tokens.make(connection, api, user, name=name)
            return ShopLogin(user, made) if user and made else None

        return await self._guarded.attempt(
            partial(_account, email=email.strip().lower()[:255]),
            password,
            judge,
            address=address,
            refusal="The email and the password do not belong together. Check both.",
        )

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

    def _judge(self, connection: Connection, attempt: Attempt[ShopUser]) -> ShopUser | None:
        """Return who came in, and write down that they did, or did not."""
        user, now, account = attempt.who, self._clock(), attempt.guarded.account
        tenant_id = None if user is None else user.tenant_id
        right = attempt.right and user is not None
        action = "sign_in.admitted" if right else "sign_in.refused"
        entry = AuditEntry(now, action, account, account, tenant_id, attempt.address)
        audit.record(connection, entry)
        if user is None or not attempt.right:
            return None
        if attempt.renewed is not None:
            shops.set_password_hash(connection, user.id, attempt.renewed)
        sign_in_locks.clear_attempts(connection, attempt.guarded, now)
        return user


def _account(connection: Connection, email: str) -> Account[ShopUser]:
    known = shops.find_by_email(connection, email)
    user, password_hash = (None, None) if known is None else known
    enabled = user is not None and user.enabled
    return Account(f"shop:{email}", password_hash if enabled else None, user)


def _check_new_user(user: ShopUser, password: str) -> None:
    if user.role not in ROLES:
        known = ", ".join(sorted(ROLES))
        raise Invalid("identity.no_such_role", f"The roles are {known}.", field="role")
    check_password(password)
