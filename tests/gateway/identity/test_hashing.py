from __future__ import annotations

import pytest
import trio
import trio.testing

from gateway.config import SecuritySettings
from gateway.domain.errors import Invalid, Throttled
from gateway.identity import hashing
from gateway.identity.hashing import LONGEST_SECRET, SecretHasher

CHEAP = SecuritySettings(hash_time_cost=1, hash_memory_kib=8)


async def test_a_secret_matches_its_own_hash_only() -> None:
    hasher = SecretHasher(CHEAP)
    hashed = await hasher.hash("04711")
    assert hashed.startswith("$argon2id$")
    assert "04711" not in hashed
    assert await hasher.verify(hashed, "04711")
    assert not await hasher.verify(hashed, "4711")
    assert not await hasher.verify(hashed, "")
    assert await hasher.hash("04711") != hashed  # salted


async def test_nobody_matches_nothing_and_a_broken_hash_neither() -> None:
    hasher = SecretHasher(CHEAP)
    assert not await hasher.verify(None, "the pincode of nobody")
    assert not await hasher.verify("not a hash", "04711")


async def test_nobody_costs_what_somebody_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = SecretHasher(CHEAP)
    hashed = await hasher.hash("04711")
    compared: list[str] = []
    inner = hasher._matches

    def watching(stored: str, secret: str) -> bool:
        compared.append(stored)
        return inner(stored, secret)

    monkeypatch.setattr(hasher, "_matches", watching)
    await hasher.verify(hashed, "wrong")
    await hasher.verify(None, "wrong")
    one, other = (stored.split("$")[:4] for stored in compared)
    assert one == other  # same algorithm, version and cost


async def test_too_long_a_secret_is_refused_or_wrong() -> None:
    hasher = SecretHasher(CHEAP)
    with pytest.raises(Invalid):
        await hasher.hash("x" * (LONGEST_SECRET + 1))
    with pytest.raises(Invalid):
        await hasher.hash("")
    hashed = await hasher.hash("x" * LONGEST_SECRET)
    assert not await hasher.verify(hashed, "x" * (LONGEST_SECRET + 1))
    assert not await hasher.verify(hashed, "x" * 1_000_000)


async def test_another_cost_makes_a_hash_outdated() -> None:
    hashed = await SecretHasher(CHEAP).hash("04711")
    assert not SecretHasher(CHEAP).is_outdated(hashed)
    dearer = SecuritySettings(hash_time_cost=2, hash_memory_kib=8)
    assert SecretHasher(dearer).is_outdated(hashed)
    assert await SecretHasher(dearer).verify(hashed, "04711")


async def test_who_comes_when_too_many_wait_is_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "LONGEST_QUEUE", 2)
    hasher = SecretHasher(CHEAP)
    async with trio.open_nursery() as nursery:
        # Hold both workers, so that the next ones queue.
        for _ in range(hashing.WORKERS):
            await hasher._workers.acquire_on_behalf_of(object())
        nursery.start_soon(hasher.verify, None, "a")
        nursery.start_soon(hasher.verify, None, "b")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Throttled) as caught:
            await hasher.verify(None, "c")
        assert caught.value.retry_after == 3.0
        nursery.cancel_scope.cancel()
