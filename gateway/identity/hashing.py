"""Argon2id for what people remember, in threads, a few at a time.

A hash is made to cost tens of milliseconds and megabytes. So it never runs in the event loop, not
more than ``WORKERS`` run at once, and who comes when ``LONGEST_QUEUE`` others wait is turned away
instead of filling the memory.
"""

from __future__ import annotations

import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.config import SecuritySettings
from gateway.domain.errors import Invalid, Throttled

#: Hashes at once. Each takes a core for its whole length; more would only share it.
WORKERS = 2

#: Hashes that may wait: a second or two of work.
LONGEST_QUEUE = 64

#: Characters. Argon2 takes any length, which is an invitation to send megabytes.
LONGEST_SECRET = 256


#: Characters. Length is what makes a password good; OWASP ASVS accepts no fewer than eight.
SHORTEST_PASSWORD = 8


def check_password(password: str) -> None:
    """Refuse a password that nobody should choose.

    Raises:
        Invalid: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_SECRET:
        raise Invalid(
            "identity.password_length",
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_SECRET} characters.",
            field="password",
        )


class SecretHasher:
    """Owns the cost parameters and the threads that hash."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._argon2 = PasswordHasher(
            time_cost=settings.hash_time_cost,
            memory_cost=settings.hash_memory_kib,
            parallelism=settings.hash_parallelism,
        )
        self._workers = trio.CapacityLimiter(WORKERS)
        # What an unknown account is checked against, so that it costs what a known one costs.
        self._nobodys = self._argon2.hash("the pincode of nobody")

    async def hash(self, secret: str) -> str:
        """Return the hash to store.

        Raises:
            Invalid: it is empty or longer than ``LONGEST_SECRET``.
        """
        if not 0 < len(secret) <= LONGEST_SECRET:
            raise Invalid(
                "identity.secret_length",
                f"A secret has 1 to {LONGEST_SECRET} characters. Choose another one.",
            )
        return await trio.to_thread.run_sync(self._argon2.hash, secret, limiter=self._workers)

    async def verify(self, hashed: str | None, secret: str) -> bool:
        """Tell whether ``secret`` is what was hashed.

        Args:
            hashed: the stored hash; ``None`` for an account that does not exist, which takes the
                same time and is always wrong.
            secret: as typed.

        Raises:
            Throttled: too many others wait for the same.
        """
        if self._workers.statistics().tasks_waiting >= LONGEST_QUEUE:
            raise Throttled(
                "identity.busy",
                "Too many people sign in at this moment. Try again in a few seconds.",
                retry_after=3.0,
            )
        matches = await trio.to_thread.run_sync(
            self._matches, hashed or self._nobodys, secret[:LONGEST_SECRET], limiter=self._workers
        )
        return matches and hashed is not None and len(secret) <= LONGEST_SECRET

    def is_outdated(self, hashed: str) -> bool:
        """Tell whether ``hashed`` was made with other costs than are set now."""
        return self._argon2.check_needs_rehash(hashed)

    def _matches(self, hashed: str, secret: str) -> bool:
        try:
            return self._argon2.verify(hashed, secret)
        except (VerificationError, InvalidHashError):
            return False
