"""Query strings: what is declared is read and checked, what is not is ignored."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.catalogue.field_sales.clients import CLIENTS as FIELD_CLIENTS
from gateway.backoffice.catalogue.planner.clients import ADDRESSES
from gateway.backoffice.catalogue.planner.clients import CLIENTS as PLANNER_CLIENTS
from gateway.backoffice.catalogue.repair.customers import CUSTOMERS
from gateway.backoffice.catalogue.repair.work_orders import LINES, ORDERS
from gateway.backoffice.profile import MAX_PAGE
from gateway.backoffice.query import ListQuery, parse_query
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.resource import Resource


def query(resource: Resource, **arguments: str | list[str]) -> ListQuery:
    lists = {name: [v] if isinstance(v, str) else v for name, v in arguments.items()}
    return parse_query(resource, lists)


def values(resource: Resource, **arguments: str | list[str]) -> dict[str, Any]:
    return {f.name: value for f, value in query(resource, **arguments).conditions}


def test_defaults() -> None:
    assert query(CUSTOMERS) == ListQuery((), (("id", True),), 1, 50)
    assert query(PLANNER_CLIENTS) == ListQuery((), (("id", False),), 1, 100)
    assert query(FIELD_CLIENTS) == ListQuery((), (("id", False),), 1, 25)
    assert query(LINES).size == 0


def test_what_nobody_declared_is_ignored() -> None:
    assert query(CUSTOMERS, colour="red", per_page="7", sort="x") == query(CUSTOMERS)
    assert query(ORDERS, status="") == query(ORDERS)


def test_sizes() -> None:
    assert query(PLANNER_CLIENTS, per_page="500").size == 100  # capped
    assert query(FIELD_CLIENTS, per_page="100").size == 100
    with pytest.raises(Unprocessable, match="per_page"):
        query(FIELD_CLIENTS, per_page="101")


def test_each_api_spells_its_order() -> None:
    last_name = (("last_name", True), ("id", True))
    assert query(PLANNER_CLIENTS, sort="last_name", ordertype="desc").order == last_name
    updated = (("updated_at", False), ("id", False))
    assert query(ADDRESSES, order_by="updated_at").order == updated
    by_code = query(FIELD_CLIENTS, sort="client_code", sortPageOrder="dsc").order
    assert by_code == (("client_code", True), ("id", True))
    several = json.dumps([{"field": "updatedAt", "type": "desc"}, {"field": "_id", "type": "asc"}])
    assert query(FIELD_CLIENTS, sortBy=several).order == (("updated_at", True), ("id", False))


@pytest.mark.parametrize(
    "given", [["7", "8"], ["[7, 8]"], ['["7", "8"]']], ids=["repeated", "numbers", "texts"]
)
def test_several_values_in_each_spelling(given: list[str]) -> None:
    assert values(FIELD_CLIENTS, client_code=given) == {"client_code": ["7", "8"]}


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        (CUSTOMERS, "page", "0"),
        (CUSTOMERS, "page", str(MAX_PAGE + 1)),
        (CUSTOMERS, "page", "one"),
        (CUSTOMERS, "q", "nul\x00"),
        (CUSTOMERS, "q", "x" * 201),
        (ORDERS, "status", "lost"),
        (ORDERS, "customer_id", "0"),
        (FIELD_CLIENTS, "_id", "7"),
        (FIELD_CLIENTS, "_id", "[7"),
        (FIELD_CLIENTS, "client_code", json.dumps([1] * 201)),
        (FIELD_CLIENTS, "disabled", "perhaps"),
    ],
)
def test_wrong_values_are_named(resource: Resource, name: str, value: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        query(resource, **{name: value})
    assert list(caught.value.errors) == [name]


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "comment"},
        {"sort": "_id", "sortPageOrder": "desc"},
        {"sortBy": "{}"},
        {"sortBy": '[{"field": "_id"}]'},
        {"sortBy": '[{"field": "comment", "type": "asc"}]'},
    ],
)
def test_wrong_orders_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(Unprocessable, match="sort"):
        query(FIELD_CLIENTS, **given)


_NAMES = sorted(
    {f.name for r in DECLARATIONS.resources for f in r.filters} | {"page", "per_page", "sort"}
)
_TEXTS = st.text(max_size=8) | st.integers().map(str) | st.sampled_from(['["a"]', "[", "{}"])


@given(
    st.sampled_from(DECLARATIONS.resources),
    st.dictionaries(st.sampled_from(_NAMES), st.lists(_TEXTS, max_size=3)),
)
def test_any_query_is_read_or_refused(resource: Resource, given: dict[str, list[str]]) -> None:
    with contextlib.suppress(Unprocessable):
        parsed = parse_query(resource, given)
        assert 1 <= parsed.number <= MAX_PAGE
        assert "id" in [column for column, _ in parsed.order]
