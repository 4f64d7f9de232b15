"""How often somebody may guess, by network address and altogether.

The third count, by account, is kept in the database (``storage.queries.sign_in_locks``), because a
restart must not grant a guesser fresh attempts. These two are kept in memory: they protect the
machine, and an attacker can name any number of addresses, so the table is bounded.

An attempt is counted when it begins and taken back when it succeeds. So a hundred at once count
as a hundred, and somebody who comes in does not wipe out the failures of a guesser behind the
same address. Several nodes tell each other what they count, within milliseconds: a guesser gains
nothing by trying all of them.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.config import SecuritySettings
from gateway.domain.errors import Throttled, Unavailable
from gateway.storage.queries.sign_in_locks import Lockout

#: Addresses remembered; beyond it the one not heard of for longest is forgotten.
MOST_ADDRESSES = 50_000

#: Failures of an address are forgotten when none came for this many seconds.
FORGET_AFTER = 3_600.0

#: Seconds over which ``attempts_overall`` counts.
WINDOW = 60.0


@dataclass(slots=True)
class _Address:
    """What is known of one address; times in the caller's seconds."""

    attempts: int = 0
    last: float = 0.0
    locked_until: float = 0.0


class Attempt:
    """One try to get in; call :meth:`succeeded` when it did."""

    def __init__(self) -> None:
        self.failed = True

    def succeeded(self) -> None:
        """Have it taken back: it was no guess."""
        self.failed = False


class Throttle:
    """Owns the counts; time comes in as ``now``, seconds of any steady clock."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._lockout = Lockout(
            settings.attempts_per_address, settings.lockout_first, settings.lockout_longest
        )
        self._overall = settings.attempts_overall
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._window_began = 0.0
        self._in_window = 0
        #: Told of every change of the counts here: network, and 1 or -1; must not block.
        self.tell: Callable[[str, int], None] = _nobody_else

    @contextmanager
    def attempt(self, address: str, now: float) -> Iterator[Attempt]:
        """Count one attempt from ``address`` for the length of the block.

        Raises:
            Throttled: this address, or all of them together, must wait.
        """
        network = network_of(address)
        known = self._known(network, now)
        self._check(known, now)
        self._count(known, now)
        self.tell(network, 1)
        made = Attempt()
        try:
            yield made
        except Unavailable:
            made.succeeded()  # nothing was judged, so nothing was guessed
            raise
        finally:
            if not made.failed:
                self._take_back(known)
                self.tell(network, -1)

    def heard(self, network: str, change: int, now: float) -> None:
        """Count what another node tells of: 1 for an attempt there, -1 for one that succeeded."""
        known = self._known(network, now)
        if change > 0:
            self._count(known, now)
        else:
            self._take_back(known)

    def _count(self, known: _Address, now: float) -> None:
        known.attempts += 1
        known.last = now
        rest = self._lockout.lock_after(known.attempts)
        known.locked_until = 0.0 if rest is None else now + rest.total_seconds()
        self._in_window += 1

    def _take_back(self, known: _Address) -> None:
        known.attempts = max(0, known.attempts - 1)
        known.locked_until = 0.0
        self._in_window = max(0, self._in_window - 1)

    def _check(self, known: _Address, now: float) -> None:
        if now < known.locked_until:
            raise too_many(known.locked_until - now)
        if now - self._window_began >= WINDOW:
            self._window_began, self._in_window = now, 0
        if self._in_window >= self._overall:
            raise too_many(self._window_began + WINDOW - now)

    def _known(self, network: str, now: float) -> _Address:
        known = self._addresses.pop(network, None)
        if known is None or now - known.last >= FORGET_AFTER:
            known = _Address(last=now)
        self._addresses[network] = known
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        return known


def _nobody_else(network: str, change: int) -> None:
    """This node is the only one."""


def too_many(retry_after: float) -> Throttled:
    """Return the refusal of an attempt that comes too early; the same for known and unknown."""
    return Throttled(
        "identity.too_many_attempts",
        "Too many failed attempts to sign in. Wait, then try again.",
        retry_after=retry_after,
    )


def network_of(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 of an IPv6 one.

    Whoever has one IPv6 address has 2**64 of them; the /64 is what a site is given.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
