from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.domain.errors import Forbidden, Invalid, NotFound, Unauthorized
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.tables.identity import api_token
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"


@pytest.fixture
async def token(identity: Identity, garage: Garage) -> str:
    user = await identity.shops.add_user(
        garage.tenant_id,
        name="Eva",
        email="eva@garage.example",
        password="correct horse",
        role="manager",
        actor="test",
    )
    login = await identity.shops.login("planner", user.email, "correct horse", address=HERE)
    return login.token


@pytest.fixture
async def principal(identity: Identity, token: str) -> ShopPrincipal:
    return await identity.shop("planner", token)


async def refused(identity: Identity, api: str, token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        await identity.shop(api, token)
    assert caught.value.code == "identity.token_refused"


async def test_a_token_is_good_for_its_own_api(identity: Identity, token: str) -> None:
    assert (await identity.shop("planner", token)).role == "manager"
    await refused(identity, "repair", token)
    await refused(identity, "no such api", token)


async def test_malformed_and_wrong_tokens_are_refused(identity: Identity, token: str) -> None:
    number, _, secret = token.partition("|")
    for wrong in (
        "",
        "|",
        secret,
        f"{number}|",
        f"{number}|{secret}x",
        f"999|{secret}",
        f"-1|{secret}",
        f"{'9' * 19}|{secret}",
        f"{'9' * 40}|{secret}",
        f"\u0661|{secret}",
        f"{number} |{secret}",
        "1|\ud800",
    ):
        await refused(identity, "planner", wrong)


async def test_only_a_hash_of_the_secret_is_kept(
    identity: Identity, token: str, database: Database
) -> None:
    stored = await database.read(
        lambda connection: connection.execute(select(api_token.c.secret_hash)).scalar_one()
    )
    assert len(stored) == 32
    assert token.partition("|")[2].encode() not in stored


async def test_signing_out_ends_the_token_that_was_used_and_no_other(
    identity: Identity, token: str, principal: ShopPrincipal
) -> None:
    other = await identity.shop_tokens.mint("planner", principal, name="other")
    await identity.shop_tokens.revoke_presented("planner", token)
    await refused(identity, "planner", token)
    await identity.shop("planner", other)
    with pytest.raises(Unauthorized):
        await identity.shop_tokens.revoke_presented("planner", token)


async def test_a_token_carries_its_abilities_and_makes_no_wider_one(
    identity: Identity, principal: ShopPrincipal
) -> None:
    narrow = await identity.shop_tokens.mint(
        "planner", principal, name="reader", abilities=["clients:read", "clients:read"]
    )
    reader = await identity.shop("planner", narrow)
    assert reader.abilities == {"clients:read"}
    for abilities in (["*"], ["clients:read", "clients:write"]):
        with pytest.raises(Forbidden):
            await identity.shop_tokens.mint("planner", reader, name="more", abilities=abilities)
    same = await identity.shop_tokens.mint(
        "planner", reader, name="same", abilities=["clients:read"]
    )
    assert (await identity.shop("planner", same)).abilities == {"clients:read"}


async def test_a_token_can_expire(
    identity: Identity, principal: ShopPrincipal, clock: SettableClock
) -> None:
    until = clock() + timedelta(days=1)
    short = await identity.shop_tokens.mint("planner", principal, name="s", expires_at=until)
    clock.advance(86_399)
    await identity.shop("planner", short)
    clock.advance(1)
    await refused(identity, "planner", short)


async def test_tokens_are_listed_without_secrets_and_revoked_by_number(
    identity: Identity, token: str, principal: ShopPrincipal
) -> None:
    other = await identity.shop_tokens.mint("planner", principal, name="van")
    await identity.shop_tokens.mint("repair", principal, name="elsewhere")
    listed = await identity.shop_tokens.list("planner", principal)
    assert [known.name for known in listed] == ["van", "login"]
    assert other.partition("|")[2] not in repr(listed)
    await identity.shop_tokens.revoke("planner", principal, listed[0].id)
    await refused(identity, "planner", other)
    for token_id in (listed[0].id, 999):
        with pytest.raises(NotFound):
            await identity.shop_tokens.revoke("planner", principal, token_id)


async def test_nobody_revokes_anothers_token(
    identity: Identity, token: str, principal: ShopPrincipal
) -> None:
    stranger = ShopPrincipal(principal.tenant_id, principal.user_id + 1, "owner", frozenset({"*"}))
    with pytest.raises(NotFound):
        await identity.shop_tokens.revoke("planner", stranger, int(token.partition("|")[0]))
    await identity.shop("planner", token)


async def test_an_unknown_api_has_no_tokens(identity: Identity, principal: ShopPrincipal) -> None:
    with pytest.raises(Invalid):
        await identity.shop_tokens.mint("kitchen", principal, name="x")
