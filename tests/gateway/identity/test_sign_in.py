from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import trio
from sqlalchemy import func, select, update

from gateway.config import SecuritySettings, Settings
from gateway.domain.errors import NotFound, Throttled, Unauthorized
from gateway.identity.admission import CustomerTokens
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit
from gateway.storage.tables.identity import (
    connector,
    one_time_password,
    portal_user,
    refresh_token,
    sign_in_lock,
)
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"


async def signed_in(identity: Identity, garage: Garage) -> CustomerTokens:
    return await identity.sign_in.by_connector_uuid(garage.connector.uuid, "04711", address=HERE)


async def fail(identity: Identity, uuid: UUID, address: str = HERE) -> Unauthorized:
    with pytest.raises(Unauthorized) as caught:
        await identity.sign_in.by_connector_uuid(uuid, "99999", address=address)
    return caught.value


async def test_uuid_and_pincode_open_the_customer_api(identity: Identity, garage: Garage) -> None:
    tokens = await signed_in(identity, garage)
    principal = await identity.customer(tokens.access_token)
    assert principal.tenant_id == garage.tenant_id
    assert principal.provider_id == garage.provider_id
    assert principal.connector_id == garage.connector.id
    claims = await identity.tokens.verify(tokens.id_token, "id", "customer")
    assert claims.subject == str(principal.user_id)
    assert claims.more["tenant_name"] == "Garage Noord"


async def test_the_number_works_too_and_means_the_same_user(
    identity: Identity, garage: Garage
) -> None:
    by_uuid = await signed_in(identity, garage)
    by_number = await identity.sign_in.by_connector_number(
        garage.connector.id, "04711", address=HERE
    )
    assert await identity.customer(by_uuid.access_token) == await identity.customer(
        by_number.access_token
    )


async def test_wrong_unknown_and_disabled_get_the_same_answer(
    identity: Identity, garage: Garage
) -> None:
    wrong = await fail(identity, garage.connector.uuid)
    unknown = await fail(identity, uuid4())
    await identity.connectors.disable(garage.connector.uuid, actor="test")
    with pytest.raises(Unauthorized) as disabled:
        await signed_in(identity, garage)
    with pytest.raises(Unauthorized) as no_number:
        await identity.sign_in.by_connector_number(999_999_999, "04711", address=HERE)
    answers = {(e.code, e.detail) for e in (wrong, unknown, disabled.value, no_number.value)}
    assert len(answers) == 1
    assert wrong.code == "identity.sign_in_refused"


async def test_wrong_and_unknown_are_hashed_alike(
    identity: Identity, garage: Garage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = identity.sign_in._guarded._hasher
    judged: list[bool] = []
    inner = hasher.verify

    async def watching(hashed: str | None, secret: str) -> bool:
        judged.append(hashed is None)
        return await inner(hashed, secret)

    monkeypatch.setattr(hasher, "verify", watching)
    await fail(identity, garage.connector.uuid)
    await fail(identity, uuid4())
    assert judged == [False, True]


async def test_a_connector_is_locked_after_its_attempts_and_longer_each_time(
    identity: Identity, garage: Garage, clock: SettableClock, database: Database
) -> None:
    for _ in range(5):
        await fail(identity, garage.connector.uuid)
    newest, before, *_ = await database.read(audit.newest)
    assert newest.detail == {"locked_until": (clock.now + timedelta(seconds=30)).isoformat()}
    assert before.detail == {}
    with pytest.raises(Throttled) as caught:
        await signed_in(identity, garage)
    assert caught.value.retry_after == 30.0
    clock.advance(31)
    await fail(identity, garage.connector.uuid)
    with pytest.raises(Throttled) as caught:
        await signed_in(identity, garage)
    assert caught.value.retry_after == 60.0
    clock.advance(61)
    await signed_in(identity, garage)
    for _ in range(4):  # the success has wiped the count
        await fail(identity, garage.connector.uuid)
    await signed_in(identity, garage)


async def test_who_guesses_elsewhere_does_not_lock_the_owner_out(
    identity: Identity, garage: Garage
) -> None:
    for number in range(50):
        address = f"198.51.100.{number % 10}"
        with pytest.raises((Unauthorized, Throttled)):
            await identity.sign_in.by_connector_number(garage.connector.id, "9", address=address)
    await signed_in(identity, garage)


async def test_a_guesser_with_many_networks_meets_the_bound_of_the_connector(
    database: Database, settings: Settings, clock: SettableClock, garage: Garage
) -> None:
    security = SecuritySettings(
        hash_time_cost=1, hash_memory_kib=8, attempts_per_subject=2, attempts_per_account=6
    )
    identity = await open_identity(database, Settings(settings.data, security=security), clock)
    for number in range(6):
        await fail(identity, garage.connector.uuid, f"198.51.100.{number}")
    with pytest.raises(Throttled) as caught:
        await signed_in(identity, garage)
    assert caught.value.retry_after == 30.0


async def test_number_and_uuid_share_one_count(identity: Identity, garage: Garage) -> None:
    for _ in range(3):
        await fail(identity, garage.connector.uuid)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await identity.sign_in.by_connector_number(garage.connector.id, "9", address=HERE)
    with pytest.raises(Throttled):
        await identity.sign_in.by_connector_number(garage.connector.id, "04711", address=HERE)


async def test_an_unknown_connector_is_locked_like_a_known_one(identity: Identity) -> None:
    unknown = uuid4()
    for _ in range(5):
        await fail(identity, unknown)
    with pytest.raises(Throttled) as caught:
        await identity.sign_in.by_connector_uuid(unknown, "1", address=HERE)
    assert caught.value.retry_after == 30.0


async def test_the_count_survives_a_restart(
    identity: Identity,
    garage: Garage,
    database: Database,
    settings: Settings,
    clock: SettableClock,
) -> None:
    for _ in range(5):
        await fail(identity, garage.connector.uuid)
    restarted = await open_identity(database, settings, clock)
    with pytest.raises(Throttled):
        await signed_in(restarted, garage)


async def test_guesses_side_by_side_all_count(identity: Identity, garage: Garage) -> None:
    outcomes: list[str] = []

    async def guess(number: int) -> None:
        try:
            await identity.sign_in.by_connector_uuid(
                garage.connector.uuid, "99999", address=f"2001:db8::{number:x}"
            )
        except (Unauthorized, Throttled) as refused:
            outcomes.append(refused.kind)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(guess, number)
    assert outcomes.count("unauthorized") == 5
    assert outcomes.count("throttled") == 15


async def test_one_address_may_not_try_connector_after_connector(identity: Identity) -> None:
    for _ in range(20):
        await fail(identity, uuid4())
    with pytest.raises(Throttled):
        await identity.sign_in.by_connector_uuid(uuid4(), "1", address=HERE)
    await fail(identity, uuid4(), "192.0.2.2")


async def test_refusals_change_nothing_but_the_count_and_the_trail(
    identity: Identity, garage: Garage, database: Database
) -> None:
    def rows(connection: Connection) -> tuple[int, ...]:
        tables = (refresh_token, one_time_password, connector, portal_user)
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        )

    before = await database.read(rows)
    await fail(identity, garage.connector.uuid)
    assert await database.read(rows) == before
    entry, *_ = await database.read(audit.newest)
    assert entry.action == "sign_in.refused"
    assert entry.subject == f"connector:{garage.connector.uuid}"
    assert (entry.address, entry.tenant_id) == (HERE, garage.tenant_id)
    assert "99999" not in repr(entry)


async def test_a_dearer_hash_replaces_a_cheap_one_at_the_next_sign_in(
    identity: Identity,
    garage: Garage,
    database: Database,
    settings: Settings,
    clock: SettableClock,
) -> None:
    def pincode_hash(connection: Connection) -> str:
        return str(connection.execute(select(connector.c.pincode_hash)).scalar_one())

    before = await database.read(pincode_hash)
    security = SecuritySettings(hash_time_cost=2, hash_memory_kib=8)
    dearer = await open_identity(database, Settings(settings.data, security=security), clock)
    await signed_in(dearer, garage)
    after = await database.read(pincode_hash)
    assert "t=1" in before
    assert "t=2" in after
    await signed_in(dearer, garage)


async def test_a_one_time_password_works_once(identity: Identity, garage: Garage) -> None:
    password = await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
    assert UUID(password).version == 4
    tokens = await identity.sign_in.by_one_time_password(f" {password.upper()}\n", address=HERE)
    principal = await identity.customer(tokens.access_token)
    assert principal.connector_id == garage.connector.id
    with pytest.raises(Unauthorized):
        await identity.sign_in.by_one_time_password(password, address=HERE)


async def test_a_one_time_password_spent_by_many_at_once_lets_one_in(
    identity: Identity, garage: Garage
) -> None:
    password = await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
    admitted: list[CustomerTokens] = []

    async def spend() -> None:
        try:
            admitted.append(await identity.sign_in.by_one_time_password(password, address=HERE))
        except Unauthorized:
            return

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(spend)
    assert len(admitted) == 1


async def test_a_one_time_password_is_good_for_ten_minutes(
    identity: Identity, garage: Garage, clock: SettableClock
) -> None:
    one, two = [
        await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
        for _ in range(2)
    ]
    clock.advance(599)
    await identity.sign_in.by_one_time_password(one, address=HERE)
    clock.advance(1)
    with pytest.raises(Unauthorized) as caught:
        await identity.sign_in.by_one_time_password(two, address=HERE)
    assert "Ask for a new one" in caught.value.detail


async def test_a_one_time_password_is_kept_as_a_hash(
    identity: Identity, garage: Garage, database: Database
) -> None:
    password = await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
    stored = await database.read(
        lambda connection: connection.execute(select(one_time_password.c.secret_hash)).scalar_one()
    )
    assert len(stored) == 32
    assert password.encode() not in stored


async def test_a_disabled_connector_gets_no_password_and_an_earlier_one_is_dead(
    identity: Identity, garage: Garage
) -> None:
    uuid = garage.connector.uuid
    password = await identity.sign_in.issue_one_time_password(uuid, actor="test")
    await identity.connectors.disable(uuid, actor="test")
    with pytest.raises(Unauthorized):
        await identity.sign_in.by_one_time_password(password, address=HERE)
    with pytest.raises(NotFound):
        await identity.sign_in.issue_one_time_password(uuid, actor="test")


async def test_a_refresh_token_buys_the_next_three(
    identity: Identity, garage: Garage, clock: SettableClock
) -> None:
    first = await signed_in(identity, garage)
    clock.advance(86_400)
    with pytest.raises(Unauthorized):
        await identity.customer(first.access_token)
    second = await identity.sign_in.refresh(first.refresh_token, address=HERE)
    principal = await identity.customer(second.access_token)
    assert principal.connector_id == garage.connector.id
    assert second.refresh_token != first.refresh_token
    await identity.sign_in.refresh(second.refresh_token, address=HERE)


async def test_a_refresh_token_used_twice_ends_its_family(
    identity: Identity, garage: Garage, database: Database
) -> None:
    first = await signed_in(identity, garage)
    other_family = await signed_in(identity, garage)
    second = await identity.sign_in.refresh(first.refresh_token, address=HERE)
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(first.refresh_token, address="203.0.113.9")
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(second.refresh_token, address=HERE)
    entry, *_ = await database.read(audit.newest)
    assert (entry.action, entry.address) == ("refresh.reused", "203.0.113.9")
    await identity.sign_in.refresh(other_family.refresh_token, address=HERE)


async def test_a_refresh_token_traded_by_many_at_once_ends_its_family(
    identity: Identity, garage: Garage
) -> None:
    first = await signed_in(identity, garage)
    traded: list[CustomerTokens] = []

    async def trade() -> None:
        try:
            traded.append(await identity.sign_in.refresh(first.refresh_token, address=HERE))
        except Unauthorized:
            return

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(trade)
    assert len(traded) == 1
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(traded[0].refresh_token, address=HERE)


async def test_a_refresh_token_expires(
    identity: Identity, garage: Garage, clock: SettableClock
) -> None:
    tokens = await signed_in(identity, garage)
    clock.advance(30 * 86_400 + 1)
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(tokens.refresh_token, address=HERE)


@pytest.mark.parametrize("which", ["id_token", "access_token"])
async def test_another_token_does_not_refresh(
    identity: Identity, garage: Garage, which: str
) -> None:
    tokens = await signed_in(identity, garage)
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(getattr(tokens, which), address=HERE)


async def test_who_was_disabled_cannot_refresh(
    identity: Identity, garage: Garage, database: Database
) -> None:
    tokens = await signed_in(identity, garage)
    await database.write(
        lambda connection: connection.execute(update(portal_user).values(enabled=False))
    )
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(tokens.refresh_token, address=HERE)
    with pytest.raises(Unauthorized):
        await signed_in(identity, garage)


@pytest.mark.sqlite_only
async def test_no_row_holds_a_secret(
    identity: Identity, garage: Garage, database: Database
) -> None:
    tokens = await signed_in(identity, garage)
    password = await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
    await fail(identity, garage.connector.uuid)
    path = database.engine.url.database
    assert path is not None
    content = await trio.Path(path).read_bytes() + await trio.Path(f"{path}-wal").read_bytes()
    assert b"connector" in content  # it is where the rows are
    private = garage.connector.private_key
    assert private is not None
    for secret in (*vars_of(tokens), password, private):
        assert secret.encode() not in content


def vars_of(tokens: CustomerTokens) -> tuple[str, ...]:
    return (tokens.id_token, tokens.access_token, tokens.refresh_token)


async def test_an_account_is_forgotten_after_a_day_without_attempts(
    identity: Identity, garage: Garage, clock: SettableClock, database: Database
) -> None:
    for _ in range(4):
        await fail(identity, garage.connector.uuid)
    clock.advance(86_400)
    for _ in range(4):
        await fail(identity, garage.connector.uuid)
    attempts = await database.read(
        lambda connection: connection.execute(select(sign_in_lock.c.attempts)).scalars().all()
    )
    assert attempts == [4, 4]  # from this network, and altogether
    await signed_in(identity, garage)
