"""Customers come in: by connector and pincode, by one-time password, by refresh token.

Every way in ends in the same three tokens. Whether the connector does not exist, is disabled or
the pincode is wrong cannot be told from outside: the steps, their cost and the answer are the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import NotFound, Unauthorized
from gateway.identity.digests import digest
from gateway.identity.hashing import SecretHasher
from gateway.identity.throttle import Throttle, too_many
from gateway.identity.tokens import Claims, Issued, Tokens, refused
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, connectors, credentials
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.credentials import (
    ConnectorLogin,
    Grant,
    Lockout,
    RefreshOutcome,
)
from gateway.storage.queries.identity import CurrentUser

_Begin = Callable[[Connection, datetime, Lockout], ConnectorLogin]


@dataclass(frozen=True, slots=True)
class CustomerTokens:
    """What a customer gets for coming in.

    Attributes:
        id_token: who they are, for the portal to show; opens nothing.
        access_token: opens the customer API for ``access_token_lifetime``.
        refresh_token: buys the next three, once.
    """

    id_token: str
    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class _Known:
    """Somebody who is let in."""

    grant: Grant
    user: CurrentUser


class CustomerSignIn:
    """Judges customers' proofs; owns nothing, shares the throttle with the other doors."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        throttle: Throttle,
        tokens: Tokens,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._throttle = throttle
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._lockout = Lockout(
            settings.attempts_per_subject, settings.lockout_first, settings.lockout_longest
        )

    async def by_connector_uuid(
        self, connector_uuid: UUID, pincode: str, *, address: str
    ) -> CustomerTokens:
        """Sign in with a connector's UUID and pincode.

        Args:
            connector_uuid: of the device.
            pincode: as typed.
            address: the caller's network address.

        Raises:
            Unauthorized: they do not belong together.
            Throttled: too many attempts on this connector, from this address, or altogether.
        """
        return await self._by_pincode(
            lambda connection, now, lockout: credentials.begin_by_uuid(
                connection, connector_uuid, now, lockout
            ),
            pincode,
            address,
        )

    async def by_connector_number(
        self, number: int, pincode: str, *, address: str
    ) -> CustomerTokens:
        """Sign in with a connector's number and pincode; else as :meth:`by_connector_uuid`."""
        return await self._by_pincode(
            lambda connection, now, lockout: credentials.begin_by_number(
                connection, number, now, lockout
            ),
            pincode,
            address,
        )

    async def by_one_time_password(self, password: str, *, address: str) -> CustomerTokens:
        """Sign in with a one-time password, which is spent by it.

        Raises:
            Unauthorized: it is unknown, spent or expired.
            Throttled: too many attempts from this address, or altogether.
        """
        with self._throttle.attempt(address, trio.current_time()) as attempt:
            secret_hash = digest(password.strip().lower())
            admitted = await self._database.write(self._spend, secret_hash, address)
            if admitted is None:
                raise Unauthorized(
                    "identity.sign_in_refused",
                    "The one-time password is not right, was used before, or is too old. "
                    "Ask for a new one.",
                )
            attempt.succeeded()
            return self._tokens_for(*admitted)

    async def issue_one_time_password(self, connector_uuid: UUID, *, actor: str) -> str:
        """Return a one-time password for the garage that has this connector.

        It is a random UUID (122 bits), good once and for ``otp_lifetime`` seconds; only its hash
        is kept.

        Raises:
            NotFound: there is no such connector in use.
        """
        password = str(uuid4())
        await self._database.write(self._issue, connector_uuid, digest(password), actor)
        return password

    async def refresh(self, refresh_token: str, *, address: str) -> CustomerTokens:
        """Trade a refresh token for new tokens. One that was traded before ends its family.

        Raises:
            Unauthorized: it is not good any more.
        """
        claims = await self._tokens.verify(refresh_token, "refresh", "customer")
        successor = self._refresh_token(claims.subject)
        known = await self._database.write(self._trade, claims, successor, address)
        if known is None:
            raise refused()
        return self._tokens_for(known, successor)

    async def _by_pincode(self, begin: _Begin, pincode: str, address: str) -> CustomerTokens:
        with self._throttle.attempt(address, trio.current_time()) as attempt:
            now = self._clock()
            login = await self._database.write(begin, now, self._lockout)
            if login.locked_until is not None:
                raise too_many((login.locked_until - now).total_seconds())
            right = await self._hasher.verify(login.pincode_hash, pincode)
            renewed = await self._renewed(login, pincode) if right else None
            admitted = await self._database.write(self._judge, login, right, renewed, address)
            if admitted is None:
                raise Unauthorized(
                    "identity.sign_in_refused",
                    "The connector and the pincode do not belong together. Check both; "
                    "the pincode came with the connector.",
                )
            attempt.succeeded()
            return self._tokens_for(*admitted)

    async def _renewed(self, login: ConnectorLogin, pincode: str) -> str | None:
        """Return the pincode's hash at the present cost, if the stored one has another."""
        if login.pincode_hash is None or not self._hasher.is_outdated(login.pincode_hash):
            return None
        return await self._hasher.hash(pincode)

    def _tokens_for(self, known: _Known, refresh: Issued) -> CustomerTokens:
        subject, lifetime = str(known.grant.user_uuid), self._settings.access_token_lifetime
        more: dict[str, str | int | None] = {"connector_id": known.grant.connector_id}
        access = self._tokens.issue("access", "customer", subject, lifetime, more)
        face = more | _face(known.user)
        identity = self._tokens.issue("id", "customer", subject, lifetime, face)
        return CustomerTokens(identity.token, access.token, refresh.token)

    def _refresh_token(self, subject: str) -> Issued:
        lifetime = self._settings.refresh_token_lifetime
        return self._tokens.issue("refresh", "customer", subject, lifetime)

    # What follows runs in a database thread, each in one transaction.

    def _judge(
        self,
        connection: Connection,
        login: ConnectorLogin,
        right: bool,
        renewed: str | None,
        address: str,
    ) -> tuple[_Known, Issued] | None:
        if not right or login.user_uuid is None:
            self._note(connection, "sign_in.refused", login.account, login.tenant_id, address)
            return None
        if renewed is not None and login.connector_id is not None:
            credentials.set_pincode_hash(connection, login.connector_id, renewed)
        grant = Grant(login.user_uuid, login.connector_id)
        return self._admit(connection, grant, login.account, address)

    def _spend(
        self, connection: Connection, secret_hash: bytes, address: str
    ) -> tuple[_Known, Issued] | None:
        grant = credentials.use_one_time_password(connection, secret_hash, self._clock())
        if grant is not None:
            return self._admit(connection, grant, f"user:{grant.user_uuid}", address)
        self._note(connection, "sign_in.refused", "one-time password", None, address)
        return None

    def _admit(
        self, connection: Connection, grant: Grant, account: str, address: str
    ) -> tuple[_Known, Issued] | None:
        user = _present(connection, grant)
        if user is None:
            self._note(connection, "sign_in.refused", account, None, address)
            return None
        now, refresh = self._clock(), self._refresh_token(str(grant.user_uuid))
        credentials.clear_attempts(connection, account)
        credentials.add_refresh_token(
            connection, digest(refresh.token_id), uuid4(), grant, now, refresh.expires_at
        )
        self._note(connection, "sign_in.admitted", account, user.tenant.id, address)
        return _Known(grant, user), refresh

    def _issue(
        self, connection: Connection, connector_uuid: UUID, secret_hash: bytes, actor: str
    ) -> None:
        connector = connectors.by_uuid(connection, connector_uuid)
        in_use = connector is not None and connector.disabled_at is None
        user = credentials.portal_user_of(connection, connector.tenant_id) if connector else None
        if connector is None or user is None or not in_use:
            raise NotFound(
                "identity.no_such_connector", f"There is no connector {connector_uuid} in use."
            )
        now = self._clock()
        expires_at = now + timedelta(seconds=self._settings.otp_lifetime)
        grant = Grant(user, connector.id)
        credentials.add_one_time_password(connection, secret_hash, grant, now, expires_at)
        subject = f"connector:{connector_uuid}"
        entry = AuditEntry(now, "otp.issued", actor, subject, connector.tenant_id)
        audit.record(connection, entry)

    def _trade(
        self, connection: Connection, claims: Claims, successor: Issued, address: str
    ) -> _Known | None:
        grant = credentials.use_refresh_token(
            connection,
            digest(claims.token_id),
            digest(successor.token_id),
            self._clock(),
            successor.expires_at,
        )
        if isinstance(grant, RefreshOutcome):
            if grant is RefreshOutcome.REUSED:
                self._note(connection, "refresh.reused", f"user:{claims.subject}", None, address)
            return None
        user = _present(connection, grant)
        return None if user is None else _Known(grant, user)

    def _note(
        self,
        connection: Connection,
        action: str,
        account: str,
        tenant_id: int | None,
        address: str,
    ) -> None:
        entry = AuditEntry(self._clock(), action, account, account, tenant_id, address)
        audit.record(connection, entry)


def _present(connection: Connection, grant: Grant) -> CurrentUser | None:
    """Return who the grant is for, if they may still come in."""
    if people.customer(connection, grant.user_uuid, grant.connector_id) is None:
        return None
    return people.current_user(connection, grant.user_uuid)


def _face(known: CurrentUser) -> dict[str, str | int | None]:
    """Return the claims with which a portal greets somebody (OpenID Connect Core, 5.1)."""
    user = known.user
    return {
        "given_name": user.given_name or None,
        "middle_name": user.middle_name,
        "family_name": user.family_name or None,
        "email": user.username,
        "locale": user.locale,
        "tenant_name": known.tenant.name,
    }
