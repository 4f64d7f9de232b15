from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.cli.command_line import CommandLine

pytestmark = pytest.mark.slow

CATALOGUE = Path(__file__).parents[3] / "gateway" / "demo" / "catalogue"


def test_a_checked_catalogue_is_counted_and_not_brought_in(
    new_gateway: CommandLine, tmp_path: Path
) -> None:
    counted = new_gateway.fields("catalogue", "check", str(CATALOGUE))
    assert int(counted["products.csv"]) > 10
    assert set(counted) == {path.name for path in CATALOGUE.glob("*.csv")}
    assert not new_gateway.folder.exists()
    assert len(new_gateway.refused("catalogue", "check", str(tmp_path))) > 5


def test_an_import_says_how_much_there_is(gateway: CommandLine) -> None:
    imported = gateway.fields("catalogue", "import", str(CATALOGUE))
    counted = gateway.fields("catalogue", "check", str(CATALOGUE))
    assert imported["products"] == counted["products.csv"]


def test_parts_come_in_by_themselves(gateway: CommandLine) -> None:
    counted = gateway.fields("catalogue", "check", str(CATALOGUE))
    assert "import that part first" in " ".join(
        gateway.refused("catalogue", "import", str(CATALOGUE), "--only", "prices")
    )
    imported: dict[str, str] = {}
    for part in ("vehicles", "products", "prices"):
        imported |= gateway.fields("catalogue", "import", str(CATALOGUE), "--only", part)
    assert imported == counted


def test_a_price_list_is_added(gateway: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "autumn.csv"
    file.write_text(
        "item_number,currency,gross,valid_from,valid_until\n"
        "100203,EUR,95.00,2026-10-01,\n"
        "100203,PLN,399.00,2026-10-01,2027-01-01\n"
    )
    assert "autumn.csv:2" in gateway.refused("catalogue", "prices", str(file))[1]
    gateway.run("catalogue", "import", str(CATALOGUE))
    for _ in range(2):
        assert gateway.run("catalogue", "prices", str(file)) == "prices  2\n"


def test_rates_are_added(gateway: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("base,currency,valid_from,rate\nEUR,PLN,2026-11-20,4.2517\n")
    assert gateway.run("catalogue", "rates", str(file)) == "rates  1\n"
    file.write_text("base,currency,valid_from,rate\nEUR,EUR,2026-11-20,0\n")
    lines = gateway.refused("catalogue", "rates", str(file))
    assert [line.partition("rates.csv")[2] for line in lines[1:]] == [
        ":2: currency: EUR is the base itself",
        ":2: rate: 0 is no rate: above 0, at most 1000000000, with 8 places at most",
    ]
