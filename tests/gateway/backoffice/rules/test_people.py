"""Employees come in by an invitation, once, and leave at once."""

from __future__ import annotations

import re
from typing import Any


async def test_an_invitation_lets_in_once(repair: Any, in_shop: Any) -> None:
    body = {"name": "Eva", "email": "Eva@example.test", "role": "employee"}
    status, employee = await repair.ask("POST", "/employees", json=body)
    assert (status, employee["email"]) == (201, "eva@example.test")

    def letter(shop: Any) -> str:
        return str(shop.where("outgoing_mail")[0]["body_html"])

    found = re.search(r"<code>(.+)</code>", await in_shop(letter))
    assert found is not None
    chosen = {"token": found[1], "password": "correct horse"}
    accept = "/auth/accept-invitation"
    short = chosen | {"password": "short"}
    assert (await repair.ask("POST", accept, json=short))[0] == 422
    assert (await repair.ask("POST", accept, json=chosen))[0] == 200
    assert (await repair.ask("POST", accept, json=chosen))[0] == 422
    assert (await repair.ask("POST", accept, json=chosen | {"token": "x"}))[0] == 422
    login = {"email": "eva@example.test", "password": "correct horse"}
    assert (await repair.ask("POST", "/auth/login", json=login))[0] == 200
    change = {"is_active": False}
    assert (await repair.ask("PATCH", f"/employees/{employee['id']}", json=change))[0] == 200
    assert (await repair.ask("POST", "/auth/login", json=login))[0] == 401


async def test_the_last_owner_stays(repair: Any) -> None:
    status, refused = await repair.ask("PATCH", "/employees/1", json={"role": "employee"})
    assert (status, "last owner" in refused["message"]) == (422, True)
