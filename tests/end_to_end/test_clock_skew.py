"""Two nodes over one database whose clocks are two seconds apart: nobody notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.config import DataSettings, Secret, SecuritySettings, Settings
from gateway.domain.errors import NotFound, Unauthorized
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import open_database
from gateway.storage.files.links import FileLinks
from tests.gateway.identity.garages import Garage, garage_of
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"

#: Seconds between the clocks; network time keeps nodes far closer together.
SKEW = 2.0

KEY = Secret("2bJ0zY0u8nQm6kq5mVtX3l1oVwTqkqvT1R0vC8oJx7E=")


@dataclass(frozen=True)
class Node:
    """What a node knows people and files by.

    Attributes:
        clock: its own.
        identity: its people.
        links: its signed links to files.
    """

    clock: SettableClock
    identity: Identity
    links: FileLinks


@dataclass(frozen=True)
class Pair:
    """Two nodes; ``ahead`` has the clock that is fast."""

    ahead: Node
    behind: Node

    def ways(self) -> tuple[tuple[Node, Node], ...]:
        """Return (who issues, who judges), both ways round."""
        return ((self.ahead, self.behind), (self.behind, self.ahead))


@pytest.fixture
async def pair(database_url: str, settings: Settings, tmp_path: Path) -> AsyncIterator[Pair]:
    security = replace(settings.security, key=KEY)

    async def node(skew: float, name: str) -> Node:
        clock = SettableClock()
        clock.advance(skew)
        own = replace(settings, data=DataSettings(tmp_path / name), security=security)
        identity = await open_identity(database, own, clock)
        return Node(clock, identity, FileLinks(bytes(32), 900.0, clock))

    async with open_database(database_url) as database:
        yield Pair(ahead=await node(SKEW, "a"), behind=await node(0, "b"))


@pytest.fixture
async def garage(pair: Pair) -> Garage:
    return await garage_of(pair.behind.identity)


async def test_tokens_are_good_at_once_on_the_other_node(pair: Pair, garage: Garage) -> None:
    for here, there in pair.ways():
        uuid = garage.connector.uuid
        tokens = await here.identity.sign_in.by_connector_uuid(uuid, "04711", address=HERE)
        known = await there.identity.customer(tokens.access_token)
        assert known == await here.identity.customer(tokens.access_token)
        again = await there.identity.sign_in.refresh(tokens.refresh_token, address=HERE)
        await here.identity.customer(again.access_token)


async def test_a_refresh_token_is_traded_once_whoever_is_asked(pair: Pair, garage: Garage) -> None:
    for here, there in pair.ways():
        uuid = garage.connector.uuid
        tokens = await here.identity.sign_in.by_connector_uuid(uuid, "04711", address=HERE)
        await there.identity.sign_in.refresh(tokens.refresh_token, address=HERE)
        with pytest.raises(Unauthorized):
            await here.identity.sign_in.refresh(tokens.refresh_token, address=HERE)


async def test_one_time_codes_are_spent_once_whoever_is_asked(pair: Pair, garage: Garage) -> None:
    for here, there in pair.ways():
        sign_in = here.identity.sign_in
        code = await sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
        await there.identity.sign_in.by_one_time_password(code, address=HERE)
        with pytest.raises(Unauthorized):
            await sign_in.by_one_time_password(code, address=HERE)


async def test_a_token_ends_within_the_difference(pair: Pair, garage: Garage) -> None:
    uuid, lifetime = garage.connector.uuid, SecuritySettings().access_token_lifetime
    tokens = await pair.ahead.identity.sign_in.by_connector_uuid(uuid, "04711", address=HERE)
    for node in (pair.ahead, pair.behind):
        node.clock.advance(lifetime - 2 * SKEW)
        await node.identity.customer(tokens.access_token)
        node.clock.advance(120)
        node.identity.forget()
        with pytest.raises(Unauthorized):
            await node.identity.customer(tokens.access_token)


async def test_links_to_files_are_good_at_once_on_the_other_node(pair: Pair) -> None:
    for here, there in pair.ways():
        file = uuid4()
        made = here.links.make("fetch", file)
        query = dict(one.split("=", 1) for one in made.partition("?")[2].split("&"))
        assert there.links.check("fetch", str(file), query["expires"], query["signature"]) == file
        there.clock.now += timedelta(seconds=901 + SKEW)
        with pytest.raises(NotFound):
            there.links.check("fetch", str(file), query["expires"], query["signature"])
        there.clock.now -= timedelta(seconds=901 + SKEW)
