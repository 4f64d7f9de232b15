"""How the database goes about it: lists and searches cost what they find, not what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gateway.backoffice import reading
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.query import ListQuery, parse_query
from gateway.backoffice.resource import Match, Operation, Resource
from gateway.backoffice.shop import Shop
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


def _asked(resource: Resource) -> Iterator[tuple[str, ListQuery]]:
    """Yield what lists may be asked for that an index must answer: the first page of each."""
    usual = parse_query(resource, {})
    yield "as it is", usual
    for name, column in resource.sortable.items():
        order = tuple(dict.fromkeys([(column, True), ("id", True)]))
        yield f"sorted by {name}", replace(usual, order=order)
    for filter_ in resource.filters:
        if filter_.match in {Match.EQUAL, Match.ANY} and filter_.resolve is None:
            value: object = [1] if filter_.match is Match.ANY else 1
            yield filter_.sources[0], replace(usual, conditions=((filter_, value),))


def _faults(connection: Connection, shop: Shop, resource: Resource) -> Iterator[str]:
    table = resource.noun.table_name
    for what, query in _asked(resource):
        chosen = reading._chosen(shop, resource, query, 1)
        page = reading._ordered(shop, resource, query, chosen).limit(51)
        text = str(page.compile(connection, compile_kwargs={"render_postcompile": True}))
        # Values change no plan; nothing stands for each of them.
        nothing = (None,) * text.count("?")
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", nothing)
        steps = [str(row[3]) for row in rows]
        # Rows of one parent, or of one user, are few enough to be looked through.
        narrow = {what, resource.own, resource.parent.column if resource.parent else ""}
        used = [step for step in steps if step.startswith(f"SEARCH {table} USING")]
        names = {"rowid" if name == "id" else name for name in narrow if name}
        narrowed = any(re.search(rf"[ (]{name}=\?", step) for name in names for step in used)
        asked = what in resource.noun.kinds
        if "USE TEMP B-TREE FOR ORDER BY" in steps or not used or (asked and not narrowed):
            yield f"{resource.profile.api.name} {resource.path}, {what}: {' | '.join(steps)}"


@pytest.mark.slow
@pytest.mark.parametrize("api", ["repair", "planner", "field_sales"])
async def test_no_list_sorts_what_it_finds_or_looks_at_more(in_shop: Any, api: str) -> None:
    def story(shop: Shop) -> list[str]:
        lists = [
            resource
            for resource in DECLARATIONS.resources
            if Operation.LIST in resource.operations and resource.profile.api.name == api
        ]
        return [fault for one in lists for fault in _faults(shop.connection, shop, one)]

    assert await in_shop(story) == []


async def test_a_span_is_sorted_as_ids_and_not_as_rows(repair: Any, shops: Database) -> None:
    with plans(shops, "backoffice_invoice") as steps:
        assert (await repair.ask("GET", "/invoices?from=2026-01-01"))[1]["total"] == 0
    spans = [step for step in steps if "invoice_date>?" in step]
    assert len(spans) == 2, steps  # the count and the page
    assert all("USING COVERING INDEX" in step for step in spans), spans


async def test_pages_of_a_span_follow_each_other(repair: Any, in_shop: Any) -> None:
    def fill(shop: Shop) -> None:
        customer = shop.insert("customer", {"client_number": 1, "first_name": "J"})
        amounts = {"total_incl": 0, "amount_paid": 0, "amount_credited": 0, "status": "draft"}
        for number in range(53):
            day = shop.today + timedelta(days=-number)
            shop.insert("invoice", {"customer_id": customer, "invoice_date": day} | amounts)

    await in_shop(fill)
    found = []
    for page in (1, 2):
        listed = (await repair.ask("GET", f"/invoices?from=2020-01-01&page={page}"))[1]
        assert (listed["total"], listed["last_page"]) == (53, 2)
        found += [row["id"] for row in listed["data"]]
    assert found == list(range(53, 0, -1))


async def test_what_was_not_removed_is_counted_in_an_index(repair: Any, shops: Database) -> None:
    with plans(shops, "backoffice_customer") as steps:
        assert (await repair.ask("GET", "/customers"))[1]["total"] == 0
    counted, _ = (step for step in steps if "backoffice_customer" in step)
    assert "USING COVERING INDEX" in counted, counted


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
