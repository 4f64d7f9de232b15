from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.storage.queries import price_lists, products
from gateway.storage.queries.products import Buyer, OfferFilter
from gateway.storage.tables.catalogue import product
from gateway.tickets.catalogue.price_list import import_prices
from gateway.tickets.catalogue.sheets import CatalogueInvalid
from tests.gateway.workshops import Workshop

HEADER = "item_number,currency,gross,valid_from,valid_until\n"


Sheet = Callable[[str], Path]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """Writes lines below the header, and returns the file."""

    def write(lines: str) -> Path:
        path = tmp_path / "autumn.csv"
        path.write_text(HEADER + lines)
        return path

    return write


async def price_on(workshop: Workshop, day: date) -> Decimal:
    wanted = OfferFilter(product_ids=(workshop.products["100203"],))
    buyer = Buyer(1, "EUR", day)
    (offer,) = await workshop.database.read(products.offers, workshop.golf, buyer, wanted)
    return offer.gross


async def test_a_list_holds_from_its_day_on(workshop: Workshop, sheet: Sheet) -> None:
    file = sheet("100203,EUR,95.00,2026-10-01,\n")
    assert await import_prices(workshop.database, file) == 1
    assert await price_on(workshop, date(2026, 9, 30)) == Decimal("89.00")
    assert await price_on(workshop, date(2026, 10, 1)) == Decimal("95.00")
    file = sheet("100203,EUR,96.00,2026-10-01,\n")
    await import_prices(workshop.database, file)
    assert await price_on(workshop, date(2026, 10, 1)) == Decimal("96.00")


async def test_one_wrong_line_stops_all_and_is_named(workshop: Workshop, sheet: Sheet) -> None:
    right = "100203,EUR,95.00,2026-01-01,\n"
    for wrong, told in (
        ("nope,EUR,1.00,2026-01-01,\n", "autumn.csv:3: item_number: there is no product 'nope'"),
        ("100301,EUR,1.001,2026-01-01,\n", "autumn.csv:3: gross: 1.001 is no amount"),
        ("100301,EUR,-1,2026-01-01,\n", "autumn.csv:3: gross: -1 is no amount"),
        ("100301,EUR,1,2026-01-01,2025-01-01\n", "autumn.csv:3: valid_until: 2025-01-01 is bef"),
        ("100203,EUR,1.00,2026-01-01,\n", "autumn.csv:3: item_number, currency, valid_from: the"),
        ("100301,Euro,1.00,2026-01-01,\n", "autumn.csv:3: currency: 'Euro'"),
        ("100301,EUR\n", "autumn.csv:3: the line does not have 5 cells"),
    ):
        file = sheet(right + wrong)
        with pytest.raises(CatalogueInvalid) as refused:
            await import_prices(workshop.database, file)
        assert [str(one)[: len(told)] for one in refused.value.problems] == [told]
        assert await price_on(workshop, date(2026, 6, 1)) == Decimal("89.00")


async def test_products_that_are_not_offered_take_no_price(workshop: Workshop) -> None:
    known = await workshop.database.read(price_lists.product_ids)
    assert known == workshop.products
    await workshop.database.write(lambda c: c.execute(update(product).values(enabled=False)))
    assert await workshop.database.read(price_lists.product_ids) == {}
