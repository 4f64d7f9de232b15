"""Every door that takes a secret goes the same way: counted, compared, judged, and at one cost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from gateway.domain.errors import Throttled, Unauthorized
from gateway.identity.guarded import Account, Attempt, GuardedSignIn
from gateway.identity.hashing import SecretHasher
from gateway.identity.throttle import Throttle

HERE = "192.0.2.1"


@pytest.fixture
def hasher(settings: Any) -> SecretHasher:
    return SecretHasher(settings.security)


@pytest.fixture
def guarded(database: Any, hasher: SecretHasher, settings: Any, clock: Any) -> GuardedSignIn:
    throttle = Throttle(settings.security)
    return GuardedSignIn(database, hasher, throttle, settings.security, clock)


async def enter(guarded: GuardedSignIn, account: Account[str], secret: str) -> list[Attempt[str]]:
    """Return what the judge was shown; it lets in whoever is right."""
    seen: list[Attempt[str]] = []

    def judge(_: Any, attempt: Attempt[str]) -> str | None:
        seen.append(attempt)
        return attempt.who if attempt.right else None

    with suppress(Unauthorized):
        await guarded.attempt(lambda _: account, secret, judge, address=HERE, refusal="No.")
    return seen


async def test_the_right_secret_and_no_other(guarded: Any, hasher: SecretHasher) -> None:
    account = Account("x:1", await hasher.hash("secret"), "Ann")
    (attempt,) = await enter(guarded, account, "secret")
    assert (attempt.right, attempt.renewed, attempt.who) == (True, None, "Ann")
    assert attempt.guarded.account == "x:1"
    (attempt,) = await enter(guarded, account, "other")
    assert not attempt.right


async def test_who_is_refused_is_told_what_the_door_says(guarded: Any) -> None:
    def judge(_: Any, attempt: Attempt[str]) -> str | None:
        return None

    with pytest.raises(Unauthorized, match=r"^No\.$") as caught:
        await guarded.attempt(
            lambda _: Account("x:1", None, "Ann"), "s", judge, address=HERE, refusal="No."
        )
    assert caught.value.code == "identity.sign_in_refused"


async def test_nobody_is_compared_like_somebody(
    guarded: Any, hasher: SecretHasher, monkeypatch: Any
) -> None:
    compared: list[str | None] = []
    verify = hasher.verify

    async def noted(stored: str | None, secret: str) -> bool:
        compared.append(stored)
        return await verify(stored, secret)

    monkeypatch.setattr(hasher, "verify", noted)
    (attempt,) = await enter(guarded, Account("x:nobody", None, None), "secret")
    assert (attempt.right, compared) == (False, [None])


async def test_an_old_hash_is_renewed_by_who_is_right(
    guarded: Any, hasher: SecretHasher, monkeypatch: Any
) -> None:
    stored = await hasher.hash("secret")
    monkeypatch.setattr(hasher, "is_outdated", lambda _: True)
    (attempt,) = await enter(guarded, Account("x:1", stored, "Ann"), "secret")
    assert attempt.renewed not in {None, stored}
    (attempt,) = await enter(guarded, Account("x:1", stored, "Ann"), "other")
    assert attempt.renewed is None


async def test_guesses_at_one_account_come_to_rest(guarded: Any, settings: Any) -> None:
    account: Account[str] = Account("x:1", None, None)
    for _ in range(settings.security.attempts_per_subject):
        assert len(await enter(guarded, account, "guess")) == 1
    with pytest.raises(Throttled):
        await enter(guarded, account, "guess")
    # Another account does not rest with it.
    assert len(await enter(guarded, Account("x:2", None, None), "guess")) == 1
