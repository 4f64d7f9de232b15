"""Coming in with a secret that people know: counted, looked up, compared, judged.

Every such door goes the same way at the same cost, so that neither answer nor time tells whether
there is such an account: an attempt is counted in the transaction that looks the account up, the
secret is compared whether there is one or not, and only then somebody decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Unauthorized
from gateway.identity.admission import lockouts_of, seconds_until
from gateway.identity.hashing import SecretHasher
from gateway.identity.throttle import Throttle, network_of, too_many
from gateway.storage.database import Connection, Database
from gateway.storage.queries import sign_in_locks
from gateway.storage.queries.sign_in_locks import Guarded

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Account(Generic[T]):
    """What is found of an account that somebody tries.

    Attributes:
        name: under which its attempts are counted, whether there is such an account or not.
        secret_hash: what the secret must match; ``None`` when nobody gets in this way.
        who: whose it is, as the door knows them; ``None`` without one.
    """

    name: str
    secret_hash: str | None = field(repr=False)
    who: T | None


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """An attempt, on its way to whoever judges it.

    Attributes:
        guarded: the account and the network it was tried from.
        address: the caller's.
        who: whose account it is.
        right: the secret is theirs.
        renewed: its hash at the present cost, where the stored one has another.
    """

    guarded: Guarded
    address: str
    who: T | None
    right: bool
    renewed: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Begun(Generic[T]):
    guarded: Guarded
    account: Account[T]
    locked_until: datetime | None


class GuardedSignIn:
    """Judges secrets; owns nothing, shares throttle and hasher with the other doors."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        throttle: Throttle,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._throttle = throttle
        self._lockouts = lockouts_of(settings)
        self._clock = clock

    async def attempt(
        self,
        find: Callable[[Connection], Account[T]],
        secret: str,
        judge: Callable[[Connection, Attempt[T]], R | None],
        *,
        address: str,
        refusal: str,
    ) -> R:
        """Return what ``judge`` makes of an attempt.

        Args:
            find: looks the account up, in a database thread.
            secret: as typed.
            judge: decides and writes it down, in a transaction; ``None`` refuses.
            address: the caller's network address.
            refusal: what somebody is told whose secret is not right.

        Raises:
            Unauthorized: it was refused.
            Throttled: too many attempts on this account, from this address, or altogether.
        """
        with self._throttle.attempt(address, trio.current_time()) as counted:
            now, network = self._clock(), network_of(address)
            begun = await self._database.write(self._begin, find, network, now)
            if begun.locked_until is not None:
                raise too_many(seconds_until(begun.locked_until, now))
            stored = begun.account.secret_hash
            right = await self._hasher.verify(stored, secret)
            renewed = await self._renewed(stored, secret) if right else None
            tried = Attempt(begun.guarded, address, begun.account.who, right, renewed)
            admitted = await self._database.write(judge, tried)
            if admitted is None:
                raise Unauthorized("identity.sign_in_refused", refusal)
            counted.succeeded()
            return admitted

    def _begin(
        self,
        connection: Connection,
        find: Callable[[Connection], Account[T]],
        network: str,
        now: datetime,
    ) -> _Begun[T]:
        account = find(connection)
        guarded = Guarded(account.name, network)
        until = sign_in_locks.count_attempt(connection, guarded, now, self._lockouts)
        return _Begun(guarded, account, until)

    async def _renewed(self, stored: str | None, secret: str) -> str | None:
        if stored is None or not self._hasher.is_outdated(stored):
            return None
        return await self._hasher.hash(secret)
