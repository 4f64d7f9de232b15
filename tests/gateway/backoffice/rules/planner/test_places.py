"""Where addresses lie: asked where it is wanted, put down once."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from gateway.backoffice import schema
from gateway.backoffice.rules.planner import places, scheduling
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"response": {"docs": [{"centroide_ll": "POINT(5.1 52.2)"}]}}, ("52.2", "5.1")),
        ({"response": {"docs": []}}, None),
        ({"response": {"docs": [{"centroide_ll": "POINT(5.1 52.2) x"}]}}, None),
        ({"response": {"docs": [{"centroide_ll": 5}]}}, None),
        ([], None),
        (None, None),
    ],
)
def test_answers(document: object, place: object) -> None:
    assert places.answer(document) == place


async def test_new_addresses_are_looked_up(
    shops: Any, in_shop: Any, clock: Any, outside: Any, elsewhere: Any
) -> None:
    await in_shop(make_visit)
    sending = Sending(shops, schema.TABLES, clock, outside, structlog.get_logger())
    (address,) = await in_shop(lambda shop: shop.where("address"))
    path = places.question(address)
    found = {"response": {"docs": [{"centroide_ll": "POINT(5.121 52.09)"}]}}
    elsewhere.answers[path] = (200, found)
    await sending.send_due()
    assert elsewhere.asked == []  # nobody switched it on

    def switch_on(shop: Shop) -> None:
        shop.change("planner_setting", scheduling.hold(shop), {"geocoding": True})

    await in_shop(switch_on)
    for _ in range(2):
        await sending.send_due()
    assert [path for _, path, _ in elsewhere.asked] == [path]
    (address,) = await in_shop(lambda shop: shop.where("address"))
    assert (address["geocode_lat"], address["geocode_lng"]) == ("52.09", "5.121")


def test_what_was_moved_meanwhile_is_asked_again(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        address = shop.get("address", visit.address)
        stale = address | {"updated_at": address["created_at"].replace(year=2020)}
        places.put(shop, stale, ("1.0", "2.0"))
        assert shop.get("address", visit.address)["geocode_lat"] is None
        places.put(shop, address, None)
        assert shop.get("address", visit.address)["geocoded_at"] == shop.now

    at_client(rule)
