"""Fixtures of this room."""

from __future__ import annotations

import pytest

from gateway.identity.identity import Identity
from tests.gateway.identity.garages import Garage, garage_of


@pytest.fixture
async def garage(identity: Identity) -> Garage:
    return await garage_of(identity)
