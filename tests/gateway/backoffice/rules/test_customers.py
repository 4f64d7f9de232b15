"""One customer, whichever door they came in by; addresses in their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.rules.customers import (
    address_line,
    change_customer,
    create_customer,
    free_number,
    full_name,
    parts_of,
)
from gateway.backoffice.shop import Shop


@pytest.mark.parametrize(
    ("line", "street", "number", "addition"),
    [
        ("Dorpstraat 12", "Dorpstraat", "12", None),
        ("Dorpstraat 12 A", "Dorpstraat", "12", "A"),
        ("Dorpstraat 12-2", "Dorpstraat", "12", "2"),
        ("1e Dwarsstraat 5bis", "1e Dwarsstraat", "5", "bis"),
        ("Plein 1944 3", "Plein 1944", "3", None),
        ("Onder de Toren", "Onder de Toren", "", None),
        ("", "", "", None),
    ],
)
def test_lines_fall_into_parts(line: str, street: str, number: str, addition: str | None) -> None:
    assert parts_of(line) == {
        "street": street, "house_number": number, "house_number_addition": addition,
    }  # fmt: skip


@given(st.text(max_size=60))
def test_any_line_becomes_parts_and_a_line_again(line: str) -> None:
    again = address_line(parts_of(line))
    assert parts_of(again) == parts_of(line)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"first_name": "Jan", "last_name": "Jansen", "company_name": None}, "Jan Jansen"),
        ({"first_name": "Jan", "last_name": None, "company_name": None}, "Jan"),
        ({"first_name": "Jan", "last_name": "Jansen", "company_name": "J BV"}, "J BV"),
    ],
)
def test_names(person: dict[str, Any], name: str) -> None:
    assert full_name(person) == name


async def test_numbers_step_over_those_given_by_hand(in_shop: Callable[..., Any]) -> None:
    def walk(shop: Shop) -> None:
        create_customer(shop, {"first_name": "A", "client_number": 2})
        made = [create_customer(shop, {"first_name": name}) for name in "BC"]
        numbers = [row["client_number"] for row in shop.where("customer")]
        assert (len(made), sorted(numbers)) == (2, [1, 2, 3])
        assert free_number(shop) == 4

    await in_shop(walk)


async def test_an_address_changes_in_place_and_only_where_it_is_given(
    in_shop: Callable[..., Any],
) -> None:
    def walk(shop: Shop) -> None:
        body = {"first_name": "Jan", "address": "Dorpstraat 1", "city": "Zeist"}
        customer_id = create_customer(shop, body)
        row = shop.find("customer", id=customer_id)
        assert row is not None
        change_customer(shop, row, {"city": "Utrecht", "postal_code": "3511 AB"})
        (address,) = shop.where("address", customer_id=customer_id)
        assert address["type"] == "invoice"
        assert (address["street"], address["city"]) == ("Dorpstraat", "Utrecht")
        assert address["zipcode"] == "3511 AB"
        change_customer(shop, row, {"address": None})
        (address,) = shop.where("address", customer_id=customer_id)
        assert (address["street"], address["city"]) == ("", "Utrecht")

    await in_shop(walk)
