"""A whole gateway with simulated vehicles, and an operator who knows its address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.client import Client
from tests.end_to_end.conftest import folder, furnished_folder, house
from tests.end_to_end.houses import House

__all__ = ["folder", "furnished_folder", "house"]


@pytest.fixture
def credentials(house: House) -> tuple[str, str, str]:
    """Address, client id and secret."""
    operator = house.people.operator
    return house.gateway.http_url, operator.client_id, operator.client_secret


@pytest.fixture
async def client(credentials: tuple[str, str, str]) -> AsyncIterator[Client]:
    async with Client(*credentials) as opened:
        yield opened
