from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from decimal import Decimal
from importlib.resources import as_file
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.domain.catalogue import Part
from gateway.storage.database import Connection, Database
from gateway.storage.queries import products
from gateway.storage.queries.products import Buyer, OfferFilter
from gateway.storage.tables import catalogue as tables
from gateway.storage.tables import metadata
from gateway.tickets.catalogue.importer import (
    PARTS,
    SHEETS,
    import_catalogue,
    import_part,
    read_catalogue,
)
from gateway.tickets.catalogue.sheets import CatalogueInvalid
from tests.gateway.workshops import CATALOGUE, LONG_AGO, Workshop

BUYER = Buyer(1, "EUR", LONG_AGO.date())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with as_file(CATALOGUE) as source:
        shutil.copytree(source, tmp_path / "catalogue")
    return tmp_path / "catalogue"


def edit(folder: Path, sheet: str, change: Callable[[list[dict[str, str]]], None]) -> None:
    path = folder / f"{sheet}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0])
    change(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def test_the_demo_catalogue_is_as_large_as_promised() -> None:
    catalogue = read_catalogue(CATALOGUE)
    assert len({row.make for row in catalogue.wmis}) >= 25
    assert len(catalogue.models) >= 100
    assert len(catalogue.variants) >= 250
    assert len(catalogue.products) >= 40
    assert len(catalogue.product_groups) >= 8
    assert {row.item_number for row in catalogue.prices} == {
        row.item_number for row in catalogue.products
    }
    assert {row.make for row in catalogue.models} == {row.make for row in catalogue.wmis}
    assert {(row.make, row.model) for row in catalogue.models} == {
        (row.make, row.model) for row in catalogue.variants
    }


def test_there_is_a_file_for_every_sheet_and_no_other() -> None:
    names = {file.name for file in CATALOGUE.iterdir() if file.name.endswith(".csv")}
    assert names == {f"{sheet}.csv" for sheet in SHEETS}


async def test_importing_twice_changes_nothing(database: Database, folder: Path) -> None:
    def everything(connection: Connection) -> list[list[tuple[object, ...]]]:
        kept = (tables.make, tables.model, tables.variant, tables.product, tables.voucher)
        return [
            [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for table in (*kept, tables.prerequisite, tables.prerequisite_option)
        ]

    first = await import_catalogue(database, folder)
    before = await database.read(everything)
    assert await import_catalogue(database, folder) == first
    assert await database.read(everything) == before


async def test_changes_reach_the_rows_that_have_the_name(workshop: Workshop, folder: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0]["name"] = "Camera calibration"
        del rows[1]

    def forget(rows: list[dict[str, str]]) -> None:
        rows[:] = [row for row in rows if row["item_number"] != "100102"]

    def forget_questions(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["item_numbers"] = row["item_numbers"].replace("100102", "")

    edit(folder, "products", change)
    for sheet in ("product_fit", "prices", "bundles"):
        edit(folder, sheet, forget)
    for sheet in ("prerequisites", "vouchers"):
        edit(folder, sheet, forget_questions)
    await import_catalogue(workshop.database, folder)
    wanted = OfferFilter(product_ids=[workshop.products[n] for n in ("100101", "100102")])
    offers = await workshop.database.read(products.offers, workshop.golf, BUYER, wanted)
    assert [offer.product.name for offer in offers] == ["Camera calibration"]
    assert offers[0].gross == Decimal("129.00")
    gone = workshop.products["100102"]
    assert await workshop.database.read(products.known_product_ids, [gone]) == frozenset()


@pytest.mark.parametrize(
    ("sheet", "column", "value", "told"),
    [
        ("models", "make", "Trabant", "models.csv:2: make: 'Trabant' has no line in wmis.csv"),
        ("variants", "model", "Golf IX", "Volkswagen 'Golf IX' has no line in models.csv"),
        ("vin_patterns", "variant", "V12", "'V12' has no line in variants.csv"),
        ("vin_patterns", "pattern", "W?W", "vin_patterns.csv:2: pattern"),
        ("products", "product_group", "None", "'None' has no line in product_groups.csv"),
        ("product_fit", "model_group", "Golf", "'Golf' has no line in models.csv"),
        ("prices", "item_number", "1", "prices.csv:2: item_number: '1' has no line"),
        ("prices", "gross", "1.999", "prices.csv:2: gross: 1.999 is no amount"),
        ("prices", "gross", "-1", "gross: -1 is no amount"),
        ("prices", "gross", "NaN", "gross: NaN is no amount"),
        ("prices", "valid_until", "2023-12-31", "2023-12-31 is before valid_from"),
        ("prerequisites", "item_numbers", "100101 7", "item_numbers: '7' has no line"),
        ("prerequisites", "options", "a|b", "needed for type option"),
        ("prerequisites", "type", "essay", "prerequisites.csv:2: type"),
        ("discounts", "value", "101", "101 is more than 100 percent"),
        ("discounts", "kind", "absolute", "an absolute reduction needs one"),
        ("vouchers", "code", "WELCOME!", "vouchers.csv:2: code"),
        ("vouchers", "code", "TENOFF", "vouchers.csv:3: code: the same as in line 2"),
        ("bundles", "description", "Other words", "differ from an earlier line"),
        ("wmis", "year_position", "18", "wmis.csv:2: year_position"),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_written(
    database: Database, folder: Path, sheet: str, column: str, value: str, told: str
) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0][column] = value

    edit(folder, sheet, change)
    with pytest.raises(CatalogueInvalid) as caught:
        await import_catalogue(database, folder)
    assert told in caught.value.detail

    def makes(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(tables.make)).scalar_one()

    assert await database.read(makes) == 0


async def test_a_missing_file_is_told(database: Database, folder: Path) -> None:
    (folder / "prices.csv").unlink()
    with pytest.raises(CatalogueInvalid, match=r"prices\.csv:1: the file is missing"):
        await import_catalogue(database, folder)


def everything(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the catalogue's tables, in an order of their own."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=str)
        for table in metadata.sorted_tables
        if table.name in CATALOGUE_TABLES
    }


CATALOGUE_TABLES = frozenset(
    (
        *("vehicle_make", "vehicle_make_wmi", "vehicle_model_group", "vehicle_model"),
        *("vehicle_variant", "vin_pattern"),
        *("product_group", "product", "product_fit", "product_price", "service_fee", "discount"),
        *("prerequisite", "prerequisite_option", "product_prerequisite"),
        *("voucher", "voucher_product", "product_bundle", "product_bundle_product"),
    )
)


@pytest.mark.slow
async def test_parts_one_after_the_other_make_the_whole(database: Database, folder: Path) -> None:
    for part in Part:
        counted = await import_part(database, folder, part)
        assert list(counted) == list(PARTS[part])
    by_parts = await database.read(everything)
    assert by_parts.keys() == CATALOGUE_TABLES
    await import_catalogue(database, folder)
    whole = await database.read(everything)
    numbered = ("product_price", "service_fee", "discount", "vin_pattern", "product_fit")
    for name, rows in whole.items():
        if name in numbered:  # written anew, with new numbers
            assert len(rows) == len(by_parts[name])
        else:
            assert rows == by_parts[name], name


@pytest.mark.slow
async def test_a_part_leaves_the_others_alone(workshop: Workshop, folder: Path) -> None:
    def raise_prices(rows: list[dict[str, str]]) -> None:
        rows[:] = [row | {"gross": "777.00"} for row in rows if row["item_number"] == "100102"]

    before = await workshop.database.read(everything)
    edit(folder, "prices", raise_prices)
    for sheet in PARTS[Part.VEHICLES]:
        (folder / f"{sheet}.csv").unlink()  # not looked at
    await import_part(workshop.database, folder, Part.PRICES)
    after = await workshop.database.read(everything)
    assert {name for name in before if before[name] != after[name]} <= {
        *("product_price", "service_fee", "discount"),
    }
    wanted = OfferFilter(product_ids=[workshop.products["100102"]])
    (offer,) = await workshop.database.read(products.offers, workshop.golf, BUYER, wanted)
    assert offer.gross == Decimal("777.00")


@pytest.mark.slow
async def test_products_that_a_part_no_longer_names_are_not_offered(
    workshop: Workshop, folder: Path
) -> None:
    def forget(rows: list[dict[str, str]]) -> None:
        rows[:] = [row for row in rows if row["item_number"] != "100102"]

    def forget_questions(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["item_numbers"] = row["item_numbers"].replace("100102", "")

    for sheet in ("products", "product_fit", "bundles"):
        edit(folder, sheet, forget)
    edit(folder, "prerequisites", forget_questions)
    await import_part(workshop.database, folder, Part.PRODUCTS)
    gone = workshop.products["100102"]
    assert await workshop.database.read(products.known_product_ids, [gone]) == frozenset()
    # Its price has nothing to be a price of any more.
    with pytest.raises(
        CatalogueInvalid, match=r"prices\.csv:\d+: item_number: '100102' is not in"
    ):
        await import_part(workshop.database, folder, Part.PRICES)


async def test_a_part_whose_others_are_not_there_is_refused(
    database: Database, folder: Path
) -> None:
    with pytest.raises(CatalogueInvalid) as caught:
        await import_part(database, folder, Part.PRODUCTS)
    assert "product_fit.csv:7: make: 'Audi' is" in caught.value.detail
    assert "is not in the catalogue; import that part first" in caught.value.detail
    assert not any((await database.read(everything)).values())
    (folder / "models.csv").unlink()
    with pytest.raises(CatalogueInvalid, match=r"models\.csv:1: the file is missing"):
        await import_part(database, folder, Part.VEHICLES)
