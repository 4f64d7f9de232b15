"""CSV files as typed rows, with every wrong cell reported at once.

A file's first line names the columns of its record type (in any order). An empty cell is a cell
that is not there: the column's default holds, or the cell is reported as missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import FieldInfo, fields
from typing_extensions import override

from gateway.domain.catalogue import Row
from gateway.domain.errors import Invalid

R = TypeVar("R", bound=Row)

#: Problems told at once; a file in the wrong format has one per line, and nobody reads them all.
MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a sheet.

    Attributes:
        file: name of the file.
        line: line number, the header is 1.
        column: the column, or ``None`` when it is the whole line.
        reason: what is wrong.
    """

    file: str
    line: int
    column: str | None
    reason: str

    @override
    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return (
            f"{place}: {self.column}: {self.reason}" if self.column else f"{place}: {self.reason}"
        )


class CatalogueInvalid(Invalid):
    """The files contradict the rules; ``problems`` lists where."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        told = "\n".join(str(problem) for problem in self.problems[:MOST_TOLD])
        more = len(self.problems) - MOST_TOLD
        rest = f"\n... and {more} more" if more > 0 else ""
        detail = f"Nothing was imported; correct these and try again:\n{told}{rest}"
        super().__init__("catalogue.invalid", detail)


@dataclass(frozen=True, slots=True)
class Line:
    """A row and where it stands."""

    file: str
    number: int
    row: Row

    def problem(self, column: str | None, reason: str) -> Problem:
        """Return a problem of this line."""
        return Problem(self.file, self.number, column, reason)


def read_sheet(file: Traversable, kind: type[R], problems: list[Problem]) -> list[Line]:
    """Return the rows of ``file`` that are whole; what is wrong goes into ``problems``."""
    if not file.is_file():
        problems.append(Problem(file.name, 1, None, "the file is missing"))
        return []
    data = file.read_bytes()
    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        rows = csv.DictReader(text, strict=True)
        return list(_lines(file.name, rows, kind, problems))
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem(file.name, 1, None, f"not a CSV file in UTF-8: {error}"))
        return []


def duplicates(lines: Iterable[Line]) -> Iterator[Problem]:
    """Yield the lines whose key another line has already."""
    seen: dict[tuple[object, ...], int] = {}
    for line in lines:
        key = tuple(getattr(line.row, column) for column in line.row.KEY)
        if not key:
            continue
        first = seen.setdefault(key, line.number)
        if first != line.number:
            columns = ", ".join(line.row.KEY)
            yield line.problem(columns, f"the same as in line {first}")


def _lines(
    name: str, rows: csv.DictReader[str], kind: type[R], problems: list[Problem]
) -> Iterator[Line]:
    columns = {field.name: field for field in fields(kind)}
    wrong_header = _header_problem(name, rows.fieldnames or (), columns)
    if wrong_header:
        problems.append(wrong_header)
        return
    for cells in rows:
        # DictReader puts cells beyond the header under None, and None into those that lack.
        if None in cells or None in cells.values():
            reason = f"the line does not have {len(columns)} cells"
            problems.append(Problem(name, rows.line_num, None, reason))
            continue
        found = [
            Problem(name, rows.line_num, column, reason)
            for column, reason in _cell_problems(cells, columns)
        ]
        problems.extend(found)
        if not found:
            row = msgspec.convert(_present(cells), kind, strict=False)
            yield Line(name, rows.line_num, row)


def _header_problem(
    name: str, header: Iterable[str], columns: Mapping[str, FieldInfo]
) -> Problem | None:
    if sorted(header) == sorted(columns):
        return None
    return Problem(name, 1, None, f"the columns must be {', '.join(columns)}")


def _cell_problems(
    cells: Mapping[str, str], columns: Mapping[str, FieldInfo]
) -> Iterator[tuple[str, str]]:
    present = _present(cells)
    for column, field in columns.items():
        if column not in present:
            if field.required:
                yield column, "is empty"
            continue
        try:
            msgspec.convert(present[column], field.type, strict=False)
        except msgspec.ValidationError as error:
            yield column, f"{present[column]!r}: {error}"


# Any: msgspec converts text to whatever the column's type is.
def _present(cells: Mapping[str, str]) -> dict[str, Any]:
    return {column: cell.strip() for column, cell in cells.items() if cell.strip()}
