from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


@pytest.fixture
def engine() -> Bench:
    return Bench()


@pytest.fixture
def body() -> Bench:
    return Bench("body")
