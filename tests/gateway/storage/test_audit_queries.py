from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.storage.database import Database
from gateway.storage.queries import audit
from gateway.storage.queries.audit import AuditEntry

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def test_entries_come_back_as_recorded_newest_first(database: Database) -> None:
    first = AuditEntry(NOW, "connector.created", "cli", "connector:1", 7, "192.0.2.1", {"n": 1})
    second = AuditEntry(NOW, "connector.disabled", "cli", "connector:1")
    other = AuditEntry(NOW, "operator.added", "cli", "operator:x")
    for entry in (first, second, other):
        await database.write(audit.record, entry)
    assert await database.read(audit.newest) == (other, second, first)
    assert await database.read(audit.newest, "connector:1") == (second, first)
    assert await database.read(audit.newest, limit=1) == (other,)


def test_there_is_no_way_to_change_an_entry() -> None:
    public = {
        name
        for name, value in vars(audit).items()
        if getattr(value, "__module__", "") == audit.__name__
    }
    assert public == {"AuditEntry", "record", "newest"}
