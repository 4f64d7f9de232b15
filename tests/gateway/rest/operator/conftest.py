"""Operators' doors over a furnished workshop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.operators import Floor, open_floor
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock


@pytest.fixture
async def floor(workshop: Workshop, clock: SettableClock) -> AsyncIterator[Floor]:
    async with open_floor(workshop, clock) as opened:
        yield opened
