"""How often somebody may guess at one account, counted where a restart does not forget it.

Each attempt counts twice: for the account as seen from one network, and for the account as a
whole. The first bound is low and stops whoever guesses; it does not touch the owner, who comes
from elsewhere. The second is much higher: it stops a guesser with many networks. What remains is
that somebody with that many networks, and a connector's number or an email, can keep its owner
out while it lasts; below the second bound nobody can.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.storage.tables.identity import sign_in_lock

#: Attempts on an account are forgotten when none was made for this long.
FORGET_ATTEMPTS_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Lockout:
    """When an account is locked, and for how long.

    Attributes:
        attempts: failed ones in a row before the first lock.
        first: seconds of the first lock; each further failure doubles it.
        longest: seconds it stops growing at.
    """

    attempts: int
    first: float
    longest: float

    def lock_after(self, attempts: int) -> timedelta | None:
        """Return how long the account rests after ``attempts`` failed ones."""
        beyond = attempts - self.attempts
        if beyond < 0:
            return None
        # Doubling 60 times is past any limit, and keeps the number in range.
        return timedelta(seconds=min(self.first * 2.0 ** min(beyond, 60), self.longest))


@dataclass(frozen=True, slots=True)
class Lockouts:
    """The two bounds of an account.

    Attributes:
        near: for those who come from one network.
        wide: for everybody together.
    """

    near: Lockout
    wide: Lockout


@dataclass(frozen=True, slots=True)
class Guarded:
    """An account as seen from one network.

    Attributes:
        account: ``connector:UUID``, ``user:EMAIL``, ``shop:EMAIL``.
        network: an IPv4 address or an IPv6 /64.
    """

    account: str
    network: str

    @property
    def near(self) -> str:
        """The key of what came from this network."""
        return f"{self.account}@{self.network}"


def count_attempt(
    connection: Connection, guarded: Guarded, now: datetime, lockouts: Lockouts
) -> datetime | None:
    """Count an attempt before it is judged, so that many at once count as many.

    Returns:
        ``None`` when it may be made, else the time until which the account rests; then it was
        not counted.
    """
    _one_at_a_time(connection, guarded.account)
    bounds = ((guarded.account, lockouts.wide), (guarded.near, lockouts.near))
    known = [(key, lockout, _known(connection, key, now)) for key, lockout in bounds]
    resting = [row.locked_until for _, _, row in known if row.rests(now)]
    if resting:
        return max(until for until in resting if until is not None)
    for key, lockout, row in known:
        rest = lockout.lock_after(row.attempts + 1)
        locked_until = None if rest is None else now + rest
        _store(connection, key, _Count(row.attempts + 1, locked_until, row.is_stored), now)
    return None


def locked_until(connection: Connection, guarded: Guarded, now: datetime) -> datetime | None:
    """Return until when the account rests as seen from there, ``None`` when it does not."""
    rows = connection.execute(
        select(sign_in_lock.c.locked_until).where(
            sign_in_lock.c.account.in_((guarded.account, guarded.near)),
            sign_in_lock.c.locked_until > now,
        )
    )
    return max((row.locked_until for row in rows), default=None)


def clear_attempts(connection: Connection, guarded: Guarded, now: datetime) -> None:
    """Forget the attempts from this network: the account's owner came in.

    What came from elsewhere stays counted: the owner's success does not give a guesser behind
    other networks fresh attempts.
    """
    _one_at_a_time(connection, guarded.account)
    wide = _known(connection, guarded.account, now)
    near = _known(connection, guarded.near, now)
    connection.execute(delete(sign_in_lock).where(sign_in_lock.c.account == guarded.near))
    left = wide.attempts - near.attempts
    if left > 0:
        _store(connection, guarded.account, _Count(left, None, is_stored=True), now)
    else:
        connection.execute(delete(sign_in_lock).where(sign_in_lock.c.account == guarded.account))


def prune(connection: Connection, now: datetime) -> int:
    """Delete the counts that are forgotten; return how many."""
    forgotten = sign_in_lock.c.last_at <= now - FORGET_ATTEMPTS_AFTER
    return connection.execute(delete(sign_in_lock).where(forgotten)).rowcount


@dataclass(frozen=True, slots=True)
class _Count:
    attempts: int
    locked_until: datetime | None
    is_stored: bool

    def rests(self, now: datetime) -> bool:
        return self.locked_until is not None and self.locked_until > now


def _one_at_a_time(connection: Connection, account: str) -> None:
    """Let attempts on one account queue: a first one has no row yet that could be locked.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(account))))


def _known(connection: Connection, key: str, now: datetime) -> _Count:
    row = connection.execute(
        select(sign_in_lock).where(sign_in_lock.c.account == key)
    ).one_or_none()
    if row is None:
        return _Count(0, None, is_stored=False)
    if row.last_at + FORGET_ATTEMPTS_AFTER <= now and not (
        row.locked_until is not None and row.locked_until > now
    ):
        return _Count(0, None, is_stored=True)
    return _Count(row.attempts, row.locked_until, is_stored=True)


def _store(connection: Connection, key: str, count: _Count, now: datetime) -> None:
    values = {"attempts": count.attempts, "last_at": now, "locked_until": count.locked_until}
    if count.is_stored:
        connection.execute(
            update(sign_in_lock).where(sign_in_lock.c.account == key).values(values)
        )
    else:
        connection.execute(insert(sign_in_lock).values(account=key, **values))
