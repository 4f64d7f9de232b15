from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.domain.catalogue import PriceRow, ProductRow
from gateway.tickets.catalogue.sheets import CatalogueInvalid, Problem, read_sheet

HEADER = "item_number,currency,gross,valid_from,valid_until"


def sheet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_cells_become_typed_and_empty_ones_take_their_default(tmp_path: Path) -> None:
    problems: list[Problem] = []
    path = sheet(tmp_path, f"{HEADER}\n100101,EUR, 12.50 ,2024-01-01,\n")
    lines = read_sheet(path, PriceRow, problems)
    assert problems == []
    row = PriceRow(
        item_number="100101", currency="EUR", gross=Decimal("12.50"), valid_from=date(2024, 1, 1)
    )
    assert [(line.number, line.row) for line in lines] == [(2, row)]


def test_columns_may_stand_in_any_order_and_cells_may_hold_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    path.write_text(
        "description,item_number,name,internal_name,product_group,unattended,service_fee\n"
        '"two\nlines",1,a,b,c,true,\n"next",2,a,b,c,,\n',
        encoding="utf-8-sig",
    )
    problems: list[Problem] = []
    lines = read_sheet(path, ProductRow, problems)
    assert problems == []
    assert [getattr(line.row, "description", "") for line in lines] == ["two\nlines", "next"]
    assert [line.number for line in lines] == [3, 4]


def test_every_wrong_cell_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        f"{HEADER}\n100101,eur,x,2024-01-01,\n100102,EUR,1,2024-13-01,\n,EUR,1,2024-01-01,\n",
    )
    problems: list[Problem] = []
    assert read_sheet(path, PriceRow, problems) == []
    assert [(problem.line, problem.column) for problem in problems] == [
        (2, "currency"),
        (2, "gross"),
        (3, "valid_from"),
        (4, "item_number"),
    ]
    assert str(problems[0]).startswith("prices.csv:2: currency: 'eur'")
    assert str(problems[3]) == "prices.csv:4: item_number: is empty"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the columns must be"),
        ("item_number,currency\n", "the columns must be"),
        (f"{HEADER},colour\n", "the columns must be"),
        (f"{HEADER}\n100101,EUR,1\n", "does not have 5 cells"),
        (f"{HEADER}\n100101,EUR,1,2024-01-01,,6\n", "does not have 5 cells"),
        (f'{HEADER}\n"100101"x,EUR,1,2024-01-01,\n', "not a CSV file"),
    ],
)
def test_files_of_the_wrong_form(tmp_path: Path, text: str, reason: str) -> None:
    problems: list[Problem] = []
    assert read_sheet(sheet(tmp_path, text), PriceRow, problems) == []
    assert reason in str(problems[0])


def test_other_encodings_and_missing_files(tmp_path: Path) -> None:
    problems: list[Problem] = []
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\n\xe9,EUR,1,2024-01-01,\n")
    read_sheet(tmp_path / "latin.csv", PriceRow, problems)
    read_sheet(tmp_path / "none.csv", PriceRow, problems)
    assert ["UTF-8" in str(problems[0]), "missing" in str(problems[1])] == [True, True]


def test_a_long_list_of_problems_is_cut_with_a_count() -> None:
    error = CatalogueInvalid(Problem("a.csv", line, None, "wrong") for line in range(1, 61))
    assert len(error.problems) == 60
    assert error.detail.endswith("... and 10 more")
