from __future__ import annotations

import pytest

from gateway.domain.catalogue import (
    ModelRow,
    PrerequisiteRow,
    ProductFitRow,
    Row,
    VariantRow,
    WmiRow,
)
from gateway.storage.queries.catalogue_names import Names
from gateway.tickets.catalogue.references import (
    NOTHING,
    Finding,
    Sheets,
    group_references,
    known_to,
    product_references,
    vehicle_references,
)
from gateway.tickets.catalogue.sheets import Line

ON_RECORD = Names(
    makes={"Saab": 1},
    groups={("Saab", "900"): 1},
    models={("Saab", "900 I"): 1},
    variants={("Saab", "900 I", "Turbo"): 1},
    product_groups={"Reading": 1},
    products={"100": 1},
)
VEHICLES: Sheets = {
    "wmis": (Line("wmis.csv", 2, WmiRow(make="Volvo", prefix="YV1")),),
    "models": (Line("models.csv", 2, ModelRow(make="Volvo", model_group="V", model="V70")),),
    "variants": (Line("variants.csv", 2, VariantRow(make="Volvo", model="V70", variant="T5")),),
    "vin_patterns": (),
}


def findings(row: Row, sheets: Sheets, names: Names) -> list[Finding]:
    known = known_to(sheets, names)
    rules = (vehicle_references, group_references, product_references)
    return [found for rule in rules for found in rule(row, known)]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (ProductFitRow(item_number="100", make="Saab", model="900 I", variant="Turbo"), []),
        (ProductFitRow(item_number="100", make="Saab", model_group="900"), []),
        (ProductFitRow(item_number="100", make="Volvo"), ["make"]),
        (ProductFitRow(item_number="7", make="Saab", model="900 II"), ["model", "item_number"]),
        (ProductFitRow(item_number="100", make="Saab", model="900 I", variant="i"), ["variant"]),
        (ProductFitRow(item_number="100", make="Saab", model_group="9000"), ["model_group"]),
    ],
)
def test_what_is_not_read_is_looked_for_on_record(row: Row, columns: list[str]) -> None:
    found = findings(row, {"product_fit": ()}, ON_RECORD)
    assert [column for column, _ in found] == columns
    assert all(reason.endswith("import that part first") for _, reason in found)


def test_what_is_read_counts_alone() -> None:
    row = VariantRow(make="Saab", model="900 I", variant="Turbo")
    found = findings(row, VEHICLES, ON_RECORD)
    assert found == [
        ("make", "'Saab' has no line in wmis.csv"),
        ("model", "Saab '900 I' has no line in models.csv"),
    ]
    assert findings(VariantRow(make="Volvo", model="V70", variant="T5"), VEHICLES, NOTHING) == []


def test_every_item_number_of_a_line_is_looked_for() -> None:
    row = PrerequisiteRow(
        name="n", description="d", question="q", type="text", item_numbers="100 7 8"
    )
    found = findings(row, {}, ON_RECORD)
    assert [reason.split()[0] for _, reason in found] == ["'7'", "'8'"]
