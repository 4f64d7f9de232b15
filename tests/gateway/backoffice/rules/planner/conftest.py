"""A client with an address and an item, and a week in March 2026 to plan in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.backoffice.nouns.planning import APPOINTMENT_TYPE
from gateway.backoffice.rules import seeds
from gateway.backoffice.rules.planner import clients, items
from gateway.backoffice.shop import Shop, Values

PLACE = {"street": "Dorpstraat", "house_number": "1", "zipcode": "3511ab", "city": "Utrecht"}

#: Monday to Friday of a week without holidays; the clock stands on Monday the week before.
WINDOW = (datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 13, 22, 59, 59, tzinfo=UTC))


@dataclass(frozen=True)
class Visit:
    """What an appointment is made of."""

    client: int
    address: int
    item: int
    kind: int

    def values(self, **more: Any) -> Values:
        """Return what makes an appointment in the week."""
        return {
            "appointment_type_id": self.kind,
            "customer_id": self.client,
            "address_id": self.address,
            "services": [self.item],
            "users": [1],
            "time": 60,
            "plan_from": WINDOW[0],
            "plan_to": WINDOW[1],
        } | more


def visit(shop: Shop, **item: Any) -> Visit:
    """Make a client with an item."""
    body: Values = {"last_name": "Jansen", "email": "jan@example.test"}
    client = clients.create(shop, body | {"address": {"work": PLACE}})
    address = shop.where("address", customer_id=client)[0]["id"]
    seeds.plant(shop, APPOINTMENT_TYPE)
    kind = shop.where("appointment_type")[0]["id"]
    values = {"customer_id": client, "address_id": address, "name": "Boiler"} | item
    return Visit(client, address, items.create(shop, values), kind)


@pytest.fixture
def at_client(trial_shop: Any) -> Any:
    """Run ``rule(shop, visit)`` in a shop with one client."""

    def run(rule: Any, **item: Any) -> Any:
        return trial_shop(lambda shop: rule(shop, visit(shop, **item)))

    return run
