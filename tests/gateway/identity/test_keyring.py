from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from trio.testing import MockClock

from gateway.config import ConfigError, SecuritySettings
from gateway.identity.keyring import RETIRED_IN_USE, KeyRing
from gateway.storage.database import Database
from gateway.storage.queries import audit, signing_keys
from tests.settable_clock import SettableClock

SETTINGS = SecuritySettings(
    signing_key_lifetime=1_000.0,
    refresh_token_lifetime=5_000.0,
    operator_token_lifetime=100.0,
    access_token_lifetime=100.0,
)
CIPHER = Fernet(Fernet.generate_key())


async def opened(database: Database, clock: SettableClock, cipher: Fernet = CIPHER) -> KeyRing:
    ring = KeyRing(database, cipher, SETTINGS, clock)
    await ring.open()
    return ring


def name_of(ring: KeyRing) -> str:
    kid = ring.current.kid
    assert kid is not None
    return kid


async def test_a_first_start_makes_a_key_and_later_ones_keep_it(
    database: Database, clock: SettableClock
) -> None:
    first = await opened(database, clock)
    again = await opened(database, clock)
    assert first.current.kid == again.current.kid
    assert first.current.as_dict(private=True) == again.current.as_dict(private=True)


async def test_the_private_key_is_not_in_the_database_in_the_clear(
    database: Database, clock: SettableClock
) -> None:
    ring = await opened(database, clock)
    (stored,) = await database.read(signing_keys.every)
    private = ring.current.as_dict(private=True)["d"]
    assert isinstance(private, str)
    assert private.encode() not in stored.private_key
    assert stored.private_key.startswith(b"gAAAA")  # a Fernet token


async def test_a_new_key_takes_over_in_time_and_the_old_one_verifies_for_a_while(
    database: Database, clock: SettableClock
) -> None:
    ring = await opened(database, clock)
    old = name_of(ring)
    clock.advance(999)
    assert not await ring.rotate_if_due()
    clock.advance(1)
    assert await ring.rotate_if_due()
    assert ring.current.kid != old
    assert await ring.find(old) is not None
    assert [key["kid"] for key in ring.public_keys()["keys"]] == [ring.current.kid, old]
    clock.advance(5_001 + RETIRED_IN_USE)
    await ring.rotate_if_due()
    assert await ring.find(old) is None


async def test_a_key_of_another_process_is_found_but_not_looked_for_all_the_time(
    database: Database, clock: SettableClock, autojump_clock: MockClock
) -> None:
    mine = await opened(database, clock)
    assert await mine.find("unknown") is None
    clock.advance(1_000)
    theirs = await opened(database, clock)
    assert await mine.find(name_of(theirs)) is None  # it looked a moment ago
    autojump_clock.jump(10.0)
    found = await mine.find(name_of(theirs))
    assert found is not None
    assert mine.current.kid == theirs.current.kid


async def test_two_processes_that_start_together_agree_on_one_key(
    database: Database, clock: SettableClock
) -> None:
    one, two = (
        KeyRing(database, CIPHER, SETTINGS, clock),
        KeyRing(database, CIPHER, SETTINGS, clock),
    )
    await one._load()
    await two._load()
    assert await one.rotate_if_due()
    assert not await two.rotate_if_due()
    assert one.current.kid == two.current.kid


async def test_another_cipher_is_refused_with_what_to_do(
    database: Database, clock: SettableClock
) -> None:
    await opened(database, clock)
    with pytest.raises(ConfigError, match="Restore that key"):
        await opened(database, clock, Fernet(Fernet.generate_key()))


async def test_the_public_set_holds_no_private_part(
    database: Database, clock: SettableClock
) -> None:
    ring = await opened(database, clock)
    (key,) = ring.public_keys()["keys"]
    assert key["kty"] == "OKP"
    assert key["alg"] == "Ed25519"
    assert "d" not in key


async def test_a_key_is_rotated_on_demand_and_others_take_the_new_one_over(
    database: Database, clock: SettableClock
) -> None:
    running, command = await opened(database, clock), await opened(database, clock)
    old = name_of(running)
    clock.advance(1)
    new = await command.rotate(actor="cli:somebody")
    assert new != old
    assert name_of(running) == old
    await running.reload()
    assert name_of(running) == new
    assert await running.find(old) is not None
    newest, *_ = await database.read(audit.newest)
    assert (newest.action, newest.actor) == ("signing_key.rotated", "cli:somebody")
    assert newest.subject == f"key:{new}"


async def test_what_a_retired_key_signed_last_verifies_until_it_expires(
    database: Database, clock: SettableClock
) -> None:
    late = await opened(database, clock)
    old = name_of(late)
    await (await opened(database, clock)).rotate(actor="test")
    clock.advance(RETIRED_IN_USE - 1)  # another process has gone on signing until here
    clock.advance(5_000)
    await late.reload()
    assert await late.find(old) is not None
