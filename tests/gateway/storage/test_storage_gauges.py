from __future__ import annotations

import threading

import pytest
import trio
from sqlalchemy import Connection

from gateway.domain.errors import Unavailable
from gateway.runtime.metrics import Metrics
from gateway.storage.database import Database, open_database
from gateway.storage.gauges import show_database


def shown(metrics: Metrics) -> dict[str, float]:
    lines = metrics.exposition(None)[0].decode().splitlines()
    pairs = (line.split() for line in lines if line.startswith("gateway_database_"))
    return {name.removeprefix("gateway_database_"): float(value) for name, value in pairs}


async def test_what_runs_and_waits_is_shown(database: Database) -> None:
    metrics, entered, leave = Metrics(), threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        entered.set()
        assert leave.wait(5)

    show_database(metrics, database)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.read, hold)
        await trio.to_thread.run_sync(entered.wait, 5)
        assert shown(metrics)["busy"] == 1
        leave.set()
    assert shown(metrics) == {"busy": 0, "waiting": 0, "waiting_writers": 0, "unanswered": 0}


async def test_what_got_no_answer_is_counted() -> None:
    metrics = Metrics()
    async with open_database("sqlite:////no/such/folder/g.db") as database:
        show_database(metrics, database)
        with pytest.raises(Unavailable):
            await database.read(Connection.get_isolation_level)
        assert shown(metrics)["unanswered"] == 1
