"""Remote operators and their scripts: client credentials, and the tokens that they buy."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import NotFound, Unauthorized
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.identity.digests import digest, matches
from gateway.identity.throttle import Throttle
from gateway.identity.tokens import Tokens
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, events
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.identity import OperatorRecord

#: Event type, written with the change; subject ``operator:CLIENT_ID``.
DISABLED = "identity.operator.disabled"


@dataclass(frozen=True, slots=True)
class OperatorCredentials:
    """New client credentials; the secret is shown once and kept nowhere."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class OperatorToken:
    """An operator's access token, good for ``expires_in`` seconds."""

    access_token: str
    expires_in: int


class Operators:
    """Adds operators and sells them tokens for their credentials."""

    def __init__(
        self,
        database: Database,
        throttle: Throttle,
        tokens: Tokens,
        settings: SecuritySettings,
        clock: Clock,
        *,
        on_disabled: Callable[[], None],
    ) -> None:
        self._database = database
        self._throttle = throttle
        self._tokens = tokens
        self._lifetime = settings.operator_token_lifetime
        self._clock = clock
        self._on_disabled = on_disabled

    async def add(self, provider_id: int, name: str, *, actor: str) -> OperatorCredentials:
        """Make an operator known to a provider.

        Raises:
            NotFound: there is no such provider.
        """
        made = OperatorCredentials(f"op-{secrets.token_hex(8)}", secrets.token_urlsafe(32))
        record = OperatorRecord(made.client_id, provider_id, name, self._clock(), None)
        await self._database.write(self._add, record, digest(made.client_secret), actor)
        return made

    async def list(self) -> tuple[OperatorRecord, ...]:
        """Return all operators, by name."""
        return await self._database.read(people.operators)

    async def disable(self, client_id: str, *, actor: str) -> None:
        """Let an operator in no more; the event written here ends what they have open.

        Raises:
            NotFound: there is no such operator in use.
        """
        await self._database.write(self._disable, client_id, actor)
        self._on_disabled()

    async def token(self, client_id: str, client_secret: str, *, address: str) -> OperatorToken:
        """Return an access token for client credentials (RFC 6749, 4.4).

        Attempts are counted by address and altogether, not by client: a secret of 256 random
        bits cannot be guessed, and a count by client would let anybody lock an operator out.

        Raises:
            Unauthorized: they do not belong together, or the operator is disabled.
            Throttled: too many attempts from this address, or altogether.
        """
        with self._throttle.attempt(address, trio.current_time()) as attempt:
            known = await self._database.read(people.operator_secret, client_id)
            if not matches(None if known is None else known[1], client_secret):
                await self._database.write(self._refuse, client_id, address)
                raise Unauthorized(
                    "identity.client_refused",
                    "The client id and the client secret do not belong together. Check both.",
                )
            attempt.succeeded()
        issued = self._tokens.issue("access", "operator", client_id, self._lifetime)
        return OperatorToken(issued.token, int(self._lifetime))

    async def present(self, client_id: str) -> OperatorPrincipal | None:
        """Return the operator if they may still come in."""
        known = await self._database.read(people.operator_secret, client_id)
        return None if known is None else known[0]

    def _add(
        self, connection: Connection, record: OperatorRecord, secret_hash: bytes, actor: str
    ) -> None:
        if people.find_provider(connection, record.provider_id) is None:
            raise NotFound(
                "identity.no_such_provider",
                f"There is no service provider {record.provider_id}. Add it first.",
                field="provider_id",
            )
        people.add_operator(connection, record, secret_hash)
        subject = f"operator:{record.client_id}"
        audit.record(connection, AuditEntry(record.created_at, "operator.added", actor, subject))

    def _disable(self, connection: Connection, client_id: str, actor: str) -> None:
        now, subject = self._clock(), f"operator:{client_id}"
        if not people.disable_operator(connection, client_id, now):
            raise NotFound(
                "identity.no_such_operator", f"There is no operator {client_id!r} in use."
            )
        audit.record(connection, AuditEntry(now, "operator.disabled", actor, subject))
        events.append(connection, Event(DISABLED, subject, None, {"client_id": client_id}, now))

    def _refuse(self, connection: Connection, client_id: str, address: str) -> None:
        # Whatever was sent as a client id is kept short: it may be anything.
        subject = f"operator:{client_id[:64]}"
        entry = AuditEntry(self._clock(), "token.refused", subject, subject, address=address)
        audit.record(connection, entry)
