"""A short run of schemathesis over every described operation; ``hostile`` makes a longer one."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.typing import FilteringBoundLogger

from tests.contracts.hostile import APIS, SHORT, attack, open_target
from tests.contracts.hostile_checks import WHOLE
from tests.end_to_end.conftest import folder, furnished_folder  # noqa: F401 - fixtures

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(120)]


@pytest.mark.parametrize("name", APIS)
async def test_no_data_finds_what_is_not_written_down(
    folder: Path,  # noqa: F811 - the fixture of that name
    log: FilteringBoundLogger,
    name: str,
) -> None:
    assert WHOLE
    async with open_target(folder, log) as house:
        status, said = await attack(house, name, examples=3, phases=SHORT)
    assert status == 0, said
