"""Tokens of sockets, in virtual time; who comes in and how is in the tests of each socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import Forbidden, Unauthorized, Unavailable
from gateway.identity.tokens import CLOCK_SKEW
from gateway.ws.sign_in import TOKEN_INTERVAL, SignedIn

BEGUN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def now() -> datetime:
    """The wall clock, moving with Trio's."""
    return BEGUN + timedelta(seconds=trio.current_time())


@dataclass
class Owners:
    """Whose token it is; ``trouble`` is raised instead."""

    known: dict[str, str] = field(default_factory=lambda: {"one": "ann", "two": "ann", "x": "bob"})
    trouble: Exception | None = None
    asked: int = 0

    async def identify(self, token: str) -> str:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        if token not in self.known:
            raise Unauthorized("token.unknown", "Get another token.")
        return self.known[token]


async def test_a_token_that_is_taken_back_ends_it_within_a_minute(
    autojump_clock: MockClock,
) -> None:
    owners = Owners()
    signed_in = SignedIn("ann", "one", owners.identify, now)
    with trio.move_on_after(5 * TOKEN_INTERVAL + 1):
        await signed_in.ended()
    assert owners.asked == 5
    del owners.known["one"]
    with trio.fail_after(TOKEN_INTERVAL + 1):
        assert (await signed_in.ended()).code == "token.unknown"


async def test_a_token_ends_it_when_it_says_so(autojump_clock: MockClock) -> None:
    token = jwt.encode({"exp": BEGUN + timedelta(seconds=7)}, "k" * 32)
    signed_in = SignedIn("ann", token, Owners().identify, now)
    began = trio.current_time()
    await signed_in.ended()
    assert trio.current_time() - began == pytest.approx(7 + CLOCK_SKEW, abs=0.2)


async def test_a_database_that_is_away_says_nothing_against_anybody(
    autojump_clock: MockClock,
) -> None:
    owners = Owners(trouble=Unavailable("storage.away", "Later."))
    signed_in = SignedIn("ann", "one", owners.identify, now)
    with trio.move_on_after(3 * TOKEN_INTERVAL + 1) as waited:
        await signed_in.ended()
    assert waited.cancelled_caught
    assert owners.asked == 3


async def test_another_token_takes_over_if_it_is_the_same_partys() -> None:
    owners = Owners()
    signed_in = SignedIn("ann", "one", owners.identify, now)

    def check(who: str) -> None:
        if who != signed_in.who:
            raise Forbidden("socket.other", "Connect anew with it.")

    await signed_in.renew("two", check)
    del owners.known["one"]
    with pytest.raises(Forbidden):
        await signed_in.renew("x", check)
    with pytest.raises(Unauthorized):
        await signed_in.renew("one", check)
    assert (signed_in.who, signed_in._token) == ("ann", "two")
