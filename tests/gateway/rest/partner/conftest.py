"""A provider's door over a furnished workshop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.partners import Provider, open_provider
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock


@pytest.fixture
async def provider(workshop: Workshop, clock: SettableClock) -> AsyncIterator[Provider]:
    async with open_provider(workshop, clock) as opened:
        yield opened
