from __future__ import annotations

import pytest
from sqlalchemy import update

from gateway.config import SecuritySettings, Settings
from gateway.domain.errors import Conflict, Invalid, NotFound, Throttled, Unauthorized
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import Database
from gateway.storage.queries import audit
from gateway.storage.queries.shops import ShopUser
from gateway.storage.tables.identity import shop_user
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"
PASSWORD = "correct horse"


@pytest.fixture
async def desk(identity: Identity, garage: Garage) -> ShopUser:
    return await identity.shops.add_user(
        garage.tenant_id,
        name="Eva",
        email="Eva@Garage.example",
        password=PASSWORD,
        role="owner",
        actor="test",
    )


async def test_email_and_password_make_a_token_for_everything(
    identity: Identity, garage: Garage, desk: ShopUser
) -> None:
    login = await identity.shops.login("repair", " EVA@garage.example", PASSWORD, address=HERE)
    assert login.user == desk
    assert login.token.partition("|")[0].isdigit()
    principal = await identity.shop("repair", login.token)
    assert principal == ShopPrincipal(garage.tenant_id, desk.id, "owner", frozenset({"*"}))
    assert await identity.shops.user(principal) == desk


async def test_wrong_unknown_and_disabled_get_the_same_answer(
    identity: Identity, desk: ShopUser, database: Database
) -> None:
    answers = set()
    for email, password in ((desk.email, "wrong"), ("nobody@garage.example", PASSWORD)):
        with pytest.raises(Unauthorized) as caught:
            await identity.shops.login("repair", email, password, address=HERE)
        answers.add((caught.value.code, caught.value.detail))
    await database.write(
        lambda connection: connection.execute(update(shop_user).values(enabled=False))
    )
    with pytest.raises(Unauthorized) as caught:
        await identity.shops.login("repair", desk.email, PASSWORD, address=HERE)
    answers.add((caught.value.code, caught.value.detail))
    assert len(answers) == 1


async def test_an_email_is_locked_after_its_attempts_known_or_not(
    identity: Identity, desk: ShopUser, clock: SettableClock
) -> None:
    for email in (desk.email, "nobody@garage.example"):
        for _ in range(5):
            with pytest.raises(Unauthorized):
                await identity.shops.login("repair", email, "wrong", address=HERE)
        with pytest.raises(Throttled) as caught:
            await identity.shops.login("repair", email, PASSWORD, address=HERE)
        assert caught.value.retry_after == 30.0
    clock.advance(31)
    await identity.shops.login("repair", desk.email, PASSWORD, address=HERE)


async def test_a_dearer_hash_replaces_a_cheap_one(
    database: Database,
    settings: Settings,
    clock: SettableClock,
    identity: Identity,
    desk: ShopUser,
) -> None:
    security = SecuritySettings(hash_time_cost=2, hash_memory_kib=8)
    dearer = await open_identity(database, Settings(settings.data, security=security), clock)
    await dearer.shops.login("repair", desk.email, PASSWORD, address=HERE)
    stored = await database.read(
        lambda connection: connection.execute(shop_user.select()).one().password_hash
    )
    assert "t=2" in stored
    await dearer.shops.login("repair", desk.email, PASSWORD, address=HERE)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"role": "king"}, "role"),
        ({"password": "seven77"}, "password"),
        ({"email": "no email"}, "email"),
        ({"email": "@garage.example"}, "email"),
    ],
)
async def test_a_malformed_user_is_refused_by_field(
    identity: Identity, garage: Garage, changed: dict[str, str], field: str
) -> None:
    user = {"name": "Eva", "email": "e@g.example", "password": PASSWORD, "role": "owner"} | changed
    with pytest.raises(Invalid) as caught:
        await identity.shops.add_user(
            garage.tenant_id,
            name=user["name"],
            email=user["email"],
            password=user["password"],
            role=user["role"],
            actor="test",
        )
    assert caught.value.field == field


async def test_an_email_belongs_to_one(identity: Identity, garage: Garage, desk: ShopUser) -> None:
    with pytest.raises(Conflict):
        await identity.shops.add_user(
            garage.tenant_id,
            name="Other",
            email="EVA@GARAGE.EXAMPLE",
            password=PASSWORD,
            role="employee",
            actor="test",
        )


async def test_a_garage_that_is_not_there_has_no_users(identity: Identity) -> None:
    with pytest.raises(NotFound):
        await identity.shops.add_user(
            99, name="E", email="e@g.example", password=PASSWORD, role="owner", actor="test"
        )


async def test_a_user_who_is_gone_is_said_to_be_gone(identity: Identity) -> None:
    with pytest.raises(NotFound):
        await identity.shops.user(ShopPrincipal(1, 99, "owner", frozenset()))


async def test_steps_are_audited_without_passwords(
    identity: Identity, desk: ShopUser, database: Database
) -> None:
    with pytest.raises(Unauthorized):
        await identity.shops.login("repair", desk.email, "a wrong one", address=HERE)
    await identity.shops.login("repair", desk.email, PASSWORD, address=HERE)
    trail = await database.read(audit.newest, f"shop:{desk.email}")
    assert [(entry.action, entry.tenant_id) for entry in trail] == [
        ("sign_in.admitted", desk.tenant_id),
        ("sign_in.refused", desk.tenant_id),
    ]
    assert "a wrong one" not in repr(trail)
    assert PASSWORD not in repr(trail)
