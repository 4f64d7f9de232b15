from __future__ import annotations

import io
import re
from typing import Any

import pytest
from trio.testing import MockClock

from gateway.demo import story
from gateway.demo.http import StoryError
from gateway.demo.presenter import PlainPresenter
from gateway.demo.story import ONLINE_LIMIT, Story
from gateway.demo.world import DemoConnector, DeskCredentials, OperatorCredentials, World
from tests.gateway.demo.answering import Gateway

CONNECTOR = DemoConnector(123_456_789, "u-1", "201985", "", "WVWZZZAUZHP341562", "can", "golf", 0)

WORLD = World(
    http="http://gateway.example",
    link="ws://gateway.example/link/v1",
    customer_ws="ws://gateway.example/ws/customer",
    operator_ws="ws://gateway.example/ws/operator",
    connectors=(CONNECTOR,),
    operator=OperatorCredentials("op-1", "secret"),
    backoffice=DeskCredentials("a@b.example", "p", "t", "k"),
)

FACE: dict[str, Any] = {
    "online": True,
    "vin": CONNECTOR.vin,
    "voltage": 12.4,
    "buses": [{"name": "can0", "kind": "can"}],
    "ecus": [{"name": "engine"}],
}


def story_at(gateway: Gateway) -> tuple[Story, io.StringIO]:
    told = io.StringIO()
    one = Story(WORLD, PlainPresenter(told))
    for client in (one._portal, one._workshop, one._desk):
        gateway.answering(client.client)
    return one, told


async def test_vehicles_that_stay_away_end_the_story(autojump_clock: MockClock) -> None:
    gateway = Gateway(
        {
            "POST /partner/oauth2/token": {"access_token": "t"},
            "GET /operator/v1/connectors/u-1": FACE | {"vin": None},
        }
    )
    one, _told = story_at(gateway)
    reason = f"not online within {ONLINE_LIMIT:g} s: golf (123456789)"
    with pytest.raises(StoryError, match=re.escape(reason)):
        await one.tell()


async def test_vehicles_are_introduced_when_they_come(autojump_clock: MockClock) -> None:
    faces = iter([FACE | {"online": False}, FACE | {"vin": None}, FACE])
    gateway = Gateway(
        {
            "POST /partner/oauth2/token": {"access_token": "t"},
            "GET /operator/v1/connectors/u-1": lambda _query: (200, next(faces)),
            "GET /operator/v1/tickets": {"result": []},
            "POST /v2/authenticate/pincode": (401, {"detail": "Check both."}),
        }
    )
    one, told = story_at(gateway)
    with pytest.raises(StoryError, match="Check both"):
        await one.tell()
    assert "123456789: can vehicle WVWZZZAUZHP341562 at 12.4 V on can0: engine" in told.getvalue()


async def test_leftovers_of_an_interrupted_story_are_told(autojump_clock: MockClock) -> None:
    gateway = Gateway(
        {
            "POST /partner/oauth2/token": {"access_token": "t"},
            "GET /operator/v1/connectors/u-1": FACE,
            "GET /operator/v1/tickets": {"result": [{"id": 4, "connector_uuid": "u-1"}]},
            "POST /operator/v1/tickets/4/cancel": {},
        }
    )
    one, told = story_at(gateway)
    with pytest.raises(StoryError):
        await one.tell()
    assert "cancelled 1 ticket of an interrupted story" in told.getvalue()


def test_each_telling_has_a_reference_of_its_own() -> None:
    references = {story_at(Gateway())[0]._reference for _ in range(3)}
    assert len(references) == 3


async def test_the_product_of_the_story_is_in_the_catalogue() -> None:
    sheet = story.__file__.replace("story.py", "catalogue/products.csv")
    with open(sheet, encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - a few lines
        assert any(line.startswith(f"{story.PRODUCT},") for line in file)
