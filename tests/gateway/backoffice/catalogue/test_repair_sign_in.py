"""Coming in by e-mail and password, going out, and tokens for programs."""

from __future__ import annotations

from typing import Any

import pytest

CREDENTIALS = {"email": "Desk@Garage.test", "password": "correct horse"}


@pytest.fixture
async def user(identity: Any, shops: Any) -> None:
    """Somebody at the desk; ``shops`` makes the garage, which must be there first."""
    await identity.shops.add_user(
        1, name="Ann", email="desk@garage.test", password="correct horse", role="manager",
        actor="test",
    )  # fmt: skip


async def test_in_and_out(repair: Any, contracts: Any, user: None) -> None:
    contract = contracts("repair")
    status, login = await repair.ask("POST", "/auth/login", json=CREDENTIALS, headers={})
    contract.check("post", "/auth/login", status, login)
    assert login["user"] == {"id": login["user"]["id"], "name": "Ann", "email": "desk@garage.test"}
    other, repair.token = repair.token, login["token"]

    status, me = await repair.ask("GET", "/auth/me")
    contract.check("get", "/auth/me", status, me)
    assert (me["name"], me["role"], me["company_id"]) == ("Ann", "manager", 1)

    status, bye = await repair.ask("POST", "/auth/logout")
    contract.check("post", "/auth/logout", status, bye)
    assert status == 200
    assert (await repair.ask("GET", "/auth/me"))[0] == 401
    repair.token = other
    assert (await repair.ask("GET", "/auth/me"))[0] == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"password": "wrong"}, 401),
        ({"email": "nobody@garage.test"}, 401),
        ({"email": None}, 422),
        ({"email": "no address"}, 422),
        ({"password": 7}, 422),
    ],
)
async def test_refusals(
    repair: Any, contracts: Any, user: None, change: dict[str, Any], status: int
) -> None:
    answered, body = await repair.ask("POST", "/auth/login", json=CREDENTIALS | change)
    contracts("repair").check("post", "/auth/login", answered, body)
    assert answered == status
    assert (await repair.ask("POST", "/auth/login", json={}))[1]["errors"].keys() == {
        "email", "password",
    }  # fmt: skip


async def test_guessing_is_throttled(repair: Any, user: None) -> None:
    wrong = CREDENTIALS | {"password": "wrong"}
    for _ in range(6):
        await repair.ask("POST", "/auth/login", json=wrong)
    response = await repair.raw("POST", "/auth/login", json=CREDENTIALS)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0


async def test_tokens_for_programs(repair: Any, contracts: Any) -> None:
    contract = contracts("repair")
    body = {"name": "Zapier", "abilities": ["customers:read"]}
    status, made = await repair.ask("POST", "/tokens", json=body)
    contract.check("post", "/tokens", status, made)
    assert (status, made["name"]) == (201, "Zapier")

    status, listed = await repair.ask("GET", "/api-tokens")
    contract.check("get", "/tokens", status, listed)
    assert listed[0]["abilities"] == ["customers:read"]
    assert contract.absent("ApiToken", listed[0]) == {"last_used_at"}
    assert made["token"].partition("|")[2] not in str(listed)

    own, repair.token = repair.token, made["token"]
    assert (await repair.ask("GET", "/customers"))[0] == 200
    assert (await repair.ask("GET", "/work-orders"))[0] == 403
    # No token makes one that may do more than itself.
    status, refused = await repair.ask("POST", "/tokens", json={"name": "wider"})
    contract.check("post", "/tokens", status, refused)
    assert status == 403

    repair.token = own
    assert await repair.ask("DELETE", f"/tokens/{listed[0]['id']}") == (204, None)
    assert (await repair.ask("DELETE", f"/tokens/{listed[0]['id']}"))[0] == 404
    assert (await repair.ask("DELETE", "/tokens/x"))[0] == 404
    repair.token = made["token"]
    assert (await repair.ask("GET", "/customers"))[0] == 401


async def test_foreign_tokens_are_not_there(repair: Any, tokens: Any) -> None:
    foreign = await tokens.grant("repair", tenant_id=2)
    assert (await repair.ask("DELETE", f"/tokens/{foreign.partition('|')[0]}"))[0] == 404
