"""What every way in ends with: three tokens, and a line in the audit trail.

The functions that take a ``Connection`` run in a database thread, inside the transaction of
whoever calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.identity.digests import digest
from gateway.identity.tokens import Issued, Tokens
from gateway.storage.database import Connection
from gateway.storage.queries import audit, credentials, sign_in_locks
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.credentials import Grant
from gateway.storage.queries.identity import CurrentUser
from gateway.storage.queries.sign_in_locks import Guarded, Lockout, Lockouts


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
class Admitted:
    """Somebody who is let in, and the refresh token that is on record for it."""

    grant: Grant
    user: CurrentUser
    refresh: Issued


class Admission:
    """Lets people in who have proved who they are; owns nothing."""

    def __init__(self, tokens: Tokens, settings: SecuritySettings, clock: Clock) -> None:
        self._tokens = tokens
        self._settings = settings
        self._clock = clock

    def admit(
        self, connection: Connection, grant: Grant, account: str, network: str, address: str
    ) -> Admitted | None:
        """Begin a family of refresh tokens; ``None`` when they may not come in any more."""
        user = present(connection, grant)
        if user is None:
            self.refuse(connection, Guarded(account, network), None, address)
            return None
        now, refresh = self._clock(), self.refresh_token(str(grant.user_uuid))
        sign_in_locks.clear_attempts(connection, Guarded(account, network), now)
        credentials.add_refresh_token(
            connection, digest(refresh.token_id), uuid4(), grant, now, refresh.expires_at
        )
        self.note(connection, "sign_in.admitted", account, user.tenant.id, address)
        return Admitted(grant, user, refresh)

    def refuse(
        self, connection: Connection, guarded: Guarded, tenant_id: int | None, address: str
    ) -> None:
        """Write down that somebody was refused, and until when the account rests if it does."""
        until = sign_in_locks.locked_until(connection, guarded, self._clock())
        detail = {} if until is None else {"locked_until": until.isoformat()}
        self.note(connection, "sign_in.refused", guarded.account, tenant_id, address, detail)

    def note(
        self,
        connection: Connection,
        action: str,
        account: str,
        tenant_id: int | None,
        address: str,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Add a line to the audit trail."""
        known = detail or {}
        entry = AuditEntry(self._clock(), action, account, account, tenant_id, address, known)
        audit.record(connection, entry)

    def tokens_for(self, admitted: Admitted) -> CustomerTokens:
        """Return the three tokens."""
        grant, lifetime = admitted.grant, self._settings.access_token_lifetime
        subject = str(grant.user_uuid)
        more: dict[str, str | int | None] = {"connector_id": grant.connector_id}
        access = self._tokens.issue("access", "customer", subject, lifetime, more)
        face = more | _face(admitted.user)
        identity = self._tokens.issue("id", "customer", subject, lifetime, face)
        return CustomerTokens(identity.token, access.token, admitted.refresh.token)

    def refresh_token(self, subject: str) -> Issued:
        """Return a new refresh token, not on record yet."""
        lifetime = self._settings.refresh_token_lifetime
        return self._tokens.issue("refresh", "customer", subject, lifetime)


def lockouts_of(settings: SecuritySettings) -> Lockouts:
    """Return how often one account may be tried."""
    first, longest = settings.lockout_first, settings.lockout_longest
    return Lockouts(
        near=Lockout(settings.attempts_per_subject, first, longest),
        wide=Lockout(settings.attempts_per_account, first, longest),
    )


def present(connection: Connection, grant: Grant) -> CurrentUser | None:
    """Return who the grant is for, if they may still come in."""
    if people.customer(connection, grant.user_uuid, grant.connector_id) is None:
        return None
    return people.current_user(connection, grant.user_uuid)


def seconds_until(moment: datetime, now: datetime) -> float:
    """Return how many seconds are left."""
    return (moment - now).total_seconds()


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
