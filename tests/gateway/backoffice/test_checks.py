"""Live checks: what a service says, in words, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backoffice.checks import CHECKS
from gateway.backoffice.rules.integrations import SERVICES


def test_every_service_can_be_tried() -> None:
    assert CHECKS.keys() == SERVICES.keys()
    assert len(SERVICES) == 13


@pytest.mark.parametrize(
    ("status", "success", "told"),
    [
        (200, True, "Connected to Mollie: Garage BV."),
        (401, False, "does not accept these credentials"),
        (503, False, "status 503"),
    ],
)
async def test_failures_are_answers(
    repair: Any, elsewhere: Any, status: int, success: bool, told: str
) -> None:
    elsewhere.answers["/v2/profiles/me"] = (status, {"name": "Garage BV"})
    empty = (await repair.ask("POST", "/integrations/mollie/test"))[1]
    assert (empty["success"], "api_key" in empty["message"]) == (False, True)
    assert elsewhere.asked == []
    config = {"config": {"api_key": "live_secret"}}
    assert (await repair.ask("PUT", "/integrations/mollie", json=config))[0] == 200
    answer = (await repair.ask("POST", "/integrations/mollie/test"))[1]
    assert (answer["success"], told in answer["message"]) == (success, True)
    assert "live_secret" not in str(answer)
    assert (await repair.ask("GET", "/integrations/mollie"))[1]["last_tested_at"] is not None


async def test_a_mask_leaves_the_secret(repair: Any, in_shop: Any) -> None:
    for value in ("live_secret", "live_***masked***"):
        body = {"config": {"api_key": value}}
        await repair.ask("PUT", "/integrations/mollie", json=body)
    shown = (await repair.ask("GET", "/integrations/mollie"))[1]["config"]
    assert shown == {"api_key": "live_***masked***", "webhook_secret": None}

    def sealed(shop: Any) -> str:
        return str(shop.find("integration", slug="mollie")["secrets"]["api_key"])

    assert "live" not in await in_shop(sealed)
    assert (await repair.ask("GET", "/integrations/nothing"))[0] == 404
    wrong = {"config": {"colour": "red"}}
    assert (await repair.ask("PUT", "/integrations/mollie", json=wrong))[0] == 422
