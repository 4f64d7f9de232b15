from __future__ import annotations

from datetime import date
from decimal import Decimal

from gateway.backoffice import schema, trail


def test_what_is_followed_exists() -> None:
    for noun, columns in trail.FOLLOWED.items():
        assert columns <= set(schema.TABLES[noun].c.keys()), noun


def test_a_difference_tells_what_changed_as_json_takes_it() -> None:
    old = {"price_excl": Decimal("1.50"), "vat_rate": Decimal(21), "name": "A"}
    new = {"price_excl": Decimal("2.00"), "vat_rate": Decimal(21), "name": "B"}
    assert trail.difference("product", old, new) == {"price_excl": {"old": "1.50", "new": "2.00"}}
    assert trail.difference("license", {}, {"valid_until": date(2026, 1, 1)}) == {
        "valid_until": {"old": None, "new": "2026-01-01"}
    }


def test_secrets_are_not_told() -> None:
    told = trail.difference("mail_server", {"password": "a"}, {"password": "b", "host": "h"})
    assert told["password"] == {"old": "(secret)", "new": "(secret)"}
    assert trail.follows("mail_server", frozenset({"password"}))
    assert not trail.follows("product", frozenset({"name"}))
    assert not trail.follows("pick_list", frozenset({"status"}))
