"""A desk of field sales for what its rules do."""

from __future__ import annotations

import pytest

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk


@pytest.fixture
def desk(field_sales: Door) -> Desk:
    return Desk(field_sales)
