from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.domain.money import Rate
from gateway.storage.database import Database
from gateway.storage.queries.rates import rate_on
from gateway.tickets.catalogue.rates import import_rates
from gateway.tickets.catalogue.sheets import CatalogueInvalid

HEADER = "base,currency,valid_from,rate\n"


Sheet = Callable[[str], Path]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """Writes lines below the header, and returns the file."""

    def write(lines: str) -> Path:
        path = tmp_path / "rates.csv"
        path.write_text(HEADER + lines)
        return path

    return write


async def test_the_newest_rate_of_a_day_holds(database: Database, sheet: Sheet) -> None:
    file = sheet("EUR,PLN,2026-11-01,4.25\nEUR,PLN,2026-11-20,4.30000001\n")
    assert await import_rates(database, file) == 2
    for day, value in ((1, "4.25"), (19, "4.25"), (20, "4.30000001"), (30, "4.30000001")):
        found = await database.read(rate_on, "EUR", "PLN", date(2026, 11, day))
        assert found == Rate("PLN", Decimal(value))
    assert await database.read(rate_on, "EUR", "PLN", date(2026, 10, 31)) is None
    assert await database.read(rate_on, "PLN", "EUR", date(2026, 11, 30)) is None


async def test_a_day_is_corrected_and_the_others_stay(database: Database, sheet: Sheet) -> None:
    file = sheet("EUR,PLN,2026-11-01,4.25\n")
    await import_rates(database, file)
    file = sheet("EUR,PLN,2026-11-01,4.26\nEUR,CZK,2026-11-01,25\n")
    await import_rates(database, file)
    assert await database.read(rate_on, "EUR", "PLN", date(2026, 11, 2)) == Rate(
        "PLN", Decimal("4.26")
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("EUR,EUR,2026-11-01,1", "currency: EUR is the base itself"),
        ("EUR,PLN,2026-11-01,0", "rate: 0 is no rate"),
        ("EUR,PLN,2026-11-01,-4", "rate: -4 is no rate"),
        ("EUR,PLN,2026-11-01,NaN", "rate: NaN is no rate"),
        ("EUR,PLN,2026-11-01,4.123456789", "rate: 4.123456789 is no rate"),
        ("EUR,PLN,yesterday,4.2", "valid_from: 'yesterday'"),
        ("EUR,zloty,2026-11-01,4.2", "currency: 'zloty'"),
        ("EUR,CZK,2026-11-01,4.2", "base, currency, valid_from: the same as in line 2"),
    ],
)
async def test_one_wrong_line_stops_all_and_is_named(
    database: Database, sheet: Sheet, line: str, told: str
) -> None:
    file = sheet(f"EUR,CZK,2026-11-01,25\n{line}\n")
    with pytest.raises(CatalogueInvalid) as refused:
        await import_rates(database, file)
    (problem,) = refused.value.problems
    assert str(problem).startswith(f"rates.csv:3: {told}")
    assert await database.read(rate_on, "EUR", "CZK", date(2026, 11, 2)) is None


async def test_a_file_that_is_not_there(database: Database, tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid, match="missing"):
        await import_rates(database, tmp_path / "none.csv")
