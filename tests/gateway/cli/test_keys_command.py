from __future__ import annotations

import pytest
import trio

from gateway.config import DataSettings, Settings
from gateway.storage.database import open_database
from gateway.storage.queries import audit, signing_keys
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.signing_keys import StoredKey
from tests.gateway.cli.command_line import CommandLine

pytestmark = pytest.mark.slow


def test_a_new_key_signs_and_the_old_one_stays_for_what_it_signed(gateway: CommandLine) -> None:
    first = gateway.run("keys", "rotate").strip()
    second = gateway.run("keys", "rotate").strip()
    assert first != second

    async def kept() -> tuple[tuple[StoredKey, ...], tuple[AuditEntry, ...]]:
        settings = Settings(data=DataSettings(directory=gateway.folder))
        async with open_database(settings.database_url) as database:
            return await database.read(signing_keys.every), await database.read(audit.newest)

    stored, trail = trio.run(kept)
    in_use = [key.kid for key in stored if key.retired_at is None]
    assert in_use == [second]
    assert first in {key.kid for key in stored}
    assert trail[0].action == "signing_key.rotated"
    assert trail[0].actor.startswith("cli:")
