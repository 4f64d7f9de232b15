"""How the database goes about it: lists and searches cost what they find, not what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from gateway.storage.database import Database

pytestmark = pytest.mark.sqlite_only


@contextmanager
def plans(database: Database, table: str) -> Iterator[list[str]]:
    """Gather the plans of the queries that begin at ``table``, one step each line."""
    steps: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and f"FROM {table}" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps.extend(row[3] for row in cursor.fetchall())

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize(
    ("path", "table", "column"),
    [
        ("/invoices?customer_id=7", "backoffice_invoice", "customer_id"),
        ("/invoices?status=sent", "backoffice_invoice", "status"),
        ("/work-orders?status=new", "backoffice_work_order", "status"),
        ("/work-orders?customer_id=7", "backoffice_work_order", "customer_id"),
        ("/v1/tasks?status=open", "backoffice_task", "status"),
        ("/v1/sms/messages?status=sent", "backoffice_sms_message", "status"),
        ("/v1/changes?noun=invoice", "backoffice_change", "noun"),
    ],
)
async def test_indexed_filters_look_at_what_they_find(
    repair: Any, shops: Database, path: str, table: str, column: str
) -> None:
    with plans(shops, table) as steps:
        status, body = await repair.ask("GET", path)
    assert (status, body["total"]) == (200, 0)
    searched = [step for step in steps if table in step]
    assert len(searched) == 2, steps  # the count and the page
    for step in searched:
        assert step.startswith(f"SEARCH {table} USING"), step
        assert f"tenant_id=? AND {column}=?" in step, step


async def test_lines_are_looked_up_by_what_they_belong_to(repair: Any, shops: Database) -> None:
    assert (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[0] == 201
    lines = [{"description": "x", "qty": 1, "unit_price": 100}]
    body = {"customer_id": 1, "invoice_date": "2026-03-02", "lines": lines}
    assert (await repair.ask("POST", "/invoices", json=body))[0] == 201
    with plans(shops, "backoffice_invoice_line") as steps:
        assert (await repair.ask("GET", "/invoices"))[1]["total"] == 1
    (step,) = steps
    assert "tenant_id=? AND invoice_id=?" in step, step


async def test_the_search_goes_through_the_index_of_words(repair: Any, shops: Database) -> None:
    with plans(shops, "backoffice_search_entry") as steps:
        assert (await repair.ask("GET", "/search?q=jan"))[0] == 200
    assert any("backoffice_full_text VIRTUAL TABLE INDEX" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN backoffice_search")], steps
