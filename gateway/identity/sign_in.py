"""Customers come in: by connector and pincode, by one-time password, by refresh token.

Every way in ends in the same three tokens. Whether the connector does not exist, is disabled or
the pincode is wrong cannot be told from outside: the steps, their cost and the answer are the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import NotFound, Unauthorized
from gateway.identity.admission import (
    Admission,
    Admitted,
    CustomerTokens,
    present,
)
from gateway.identity.digests import digest
from gateway.identity.guarded import Account, Attempt, GuardedSignIn
from gateway.identity.throttle import Throttle, network_of
from gateway.identity.tokens import Claims, Issued, Tokens, refused
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, connectors, credentials
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.credentials import (
    ConnectorLogin,
    Grant,
    RefreshOutcome,
)

#: Looks a connector up.
_Find = Callable[[Connection], ConnectorLogin]


class CustomerSignIn:
    """Judges customers' proofs; owns nothing, shares the throttle with the other doors."""

    def __init__(
        self,
        database: Database,
        throttle: Throttle,
        guarded: GuardedSignIn,
        tokens: Tokens,
        admission: Admission,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._throttle = throttle
        self._guarded = guarded
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._admission = admission

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
            lambda connection: credentials.login_by_uuid(connection, connector_uuid),
            pincode,
            address,
        )

    async def by_connector_number(
        self, number: int, pincode: str, *, address: str
    ) -> CustomerTokens:
        """Sign in with a connector's number and pincode; else as :meth:`by_connector_uuid`."""
        return await self._by_pincode(
            lambda connection: credentials.login_by_number(connection, number),
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
            return self._admission.tokens_for(admitted)

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
        successor = self._admission.refresh_token(claims.subject)
        admitted = await self._database.write(self._trade, claims, successor, address)
        if admitted is None:
            raise refused()
        return self._admission.tokens_for(admitted)

    async def _by_pincode(self, find: _Find, pincode: str, address: str) -> CustomerTokens:
        def account(connection: Connection) -> Account[ConnectorLogin]:
            login = find(connection)
            return Account(login.account, login.pincode_hash, login)

        refusal = (
            "The connector and the pincode do not belong together. Check both; the pincode came "
            "with the connector."
        )
        admitted = await self._guarded.attempt(
            account, pincode, self._judge, address=address, refusal=refusal
        )
        return self._admission.tokens_for(admitted)

    # What follows runs in a database thread, each in one transaction.

    def _judge(self, connection: Connection, attempt: Attempt[ConnectorLogin]) -> Admitted | None:
        login, guarded = attempt.who, attempt.guarded
        if not attempt.right or login is None or login.user_uuid is None:
            tenant_id = None if login is None else login.tenant_id
            self._admission.refuse(connection, guarded, tenant_id, attempt.address)
            return None
        if attempt.renewed is not None and login.connector_id is not None:
            credentials.set_pincode_hash(connection, login.connector_id, attempt.renewed)
        grant = Grant(login.user_uuid, login.connector_id)
        return self._admission.admit(
            connection, grant, guarded.account, guarded.network, attempt.address
        )

    def _spend(self, connection: Connection, secret_hash: bytes, address: str) -> Admitted | None:
        grant = credentials.use_one_time_password(connection, secret_hash, self._clock())
        if grant is not None:
            account = f"user:{grant.user_uuid}"
            return self._admission.admit(connection, grant, account, network_of(address), address)
        self._admission.note(connection, "sign_in.refused", "one-time password", None, address)
        return None

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
    ) -> Admitted | None:
        grant = credentials.use_refresh_token(
            connection,
            digest(claims.token_id),
            digest(successor.token_id),
            self._clock(),
            successor.expires_at,
        )
        account = f"user:{claims.subject}"
        if isinstance(grant, RefreshOutcome):
            if grant is RefreshOutcome.REUSED:
                self._admission.note(connection, "refresh.reused", account, None, address)
            return None
        user = present(connection, grant)
        if user is None:
            return None
        self._admission.note(connection, "refresh.traded", account, user.tenant.id, address)
        return Admitted(grant, user, successor)
