"""Bring a catalogue in, or a part: read sheets, check them against each other, write at once.

Nothing is written unless everything is right, and then in one transaction. Importing the same
files again changes nothing, and rows keep their ids as long as they keep their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib.resources.abc import Traversable

import trio

from gateway.domain.catalogue import (
    LARGEST_AMOUNT,
    BundleRow,
    Catalogue,
    DiscountRow,
    ModelRow,
    Part,
    PrerequisiteRow,
    PriceRow,
    ProductFitRow,
    ProductGroupRow,
    ProductRow,
    Row,
    ServiceFeeRow,
    VariantRow,
    VinPatternRow,
    VoucherRow,
    WmiRow,
)
from gateway.domain.money import ReductionKind, cents
from gateway.storage.database import Connection, Database
from gateway.storage.queries import catalogue as queries
from gateway.storage.queries.catalogue import Imported
from gateway.storage.queries.catalogue_names import on_record
from gateway.tickets.catalogue.references import (
    NOTHING,
    Finding,
    Known,
    Sheets,
    group_references,
    known_to,
    product_references,
    vehicle_references,
)
from gateway.tickets.catalogue.sheets import (
    CatalogueInvalid,
    Line,
    Problem,
    duplicates,
    read_sheet,
)

#: Part -> its sheets, by name, and the record types of their rows.
PARTS: dict[Part, dict[str, type[Row]]] = {
    Part.VEHICLES: {
        "wmis": WmiRow,
        "models": ModelRow,
        "variants": VariantRow,
        "vin_patterns": VinPatternRow,
    },
    Part.PRODUCTS: {
        "product_groups": ProductGroupRow,
        "products": ProductRow,
        "product_fit": ProductFitRow,
        "prerequisites": PrerequisiteRow,
        "bundles": BundleRow,
    },
    Part.PRICES: {
        "prices": PriceRow,
        "service_fees": ServiceFeeRow,
        "discounts": DiscountRow,
        "vouchers": VoucherRow,
    },
}

#: Every sheet. Order is the order problems are told in.
SHEETS = {name: kind for sheets in PARTS.values() for name, kind in sheets.items()}


async def import_catalogue(database: Database, folder: Traversable) -> Imported:
    """Read the CSV files in ``folder`` and make them the catalogue.

    Returns:
        How many rows of each kind there are.

    Raises:
        CatalogueInvalid: something is wrong; nothing was written.
    """
    catalogue = await trio.to_thread.run_sync(read_catalogue, folder)
    return await database.write(queries.replace, catalogue)


async def import_part(database: Database, folder: Traversable, part: Part) -> dict[str, int]:
    """Read the CSV files of one part and make them that part of the catalogue.

    What they refer to in other parts is looked for on record.

    Returns:
        How many rows each of its sheets has.

    Raises:
        CatalogueInvalid: something is wrong; nothing was written.
    """
    problems: list[Problem] = []
    sheets = await trio.to_thread.run_sync(_read, folder, PARTS[part], problems)

    def write(connection: Connection) -> None:
        # Within the transaction: what it looks up must still be there when it is written.
        found = (*problems, *_check(sheets, known_to(sheets, on_record(connection))))
        queries.replace(connection, _catalogue(sheets, found), (part,))

    await database.write(write)
    return {name: len(lines) for name, lines in sheets.items()}


def read_catalogue(folder: Traversable) -> Catalogue:
    """Return the checked content of the CSV files in ``folder``.

    Raises:
        CatalogueInvalid: one or more cells, lines or references are wrong.
    """
    problems: list[Problem] = []
    sheets = _read(folder, SHEETS, problems)
    problems += _check(sheets, known_to(sheets, NOTHING))
    return _catalogue(sheets, problems)


def _read(folder: Traversable, kinds: Mapping[str, type[Row]], problems: list[Problem]) -> Sheets:
    return {
        name: read_sheet(folder.joinpath(f"{name}.csv"), kind, problems)
        for name, kind in kinds.items()
    }


def _catalogue(sheets: Sheets, problems: Sequence[Problem]) -> Catalogue:
    """Return the rows of sheets in which nothing is wrong."""
    if problems:
        order = {f"{name}.csv": place for place, name in enumerate(SHEETS)}
        raise CatalogueInvalid(sorted(problems, key=lambda one: (order[one.file], one.line)))
    rows = {name: tuple(line.row for line in lines) for name, lines in sheets.items()}
    return Catalogue(**rows)  # type: ignore[arg-type]  # PARTS pairs names with types


def _check(sheets: Sheets, known: Known) -> Iterator[Problem]:
    for lines in sheets.values():
        yield from duplicates(lines)
        for line in lines:
            for column, reason in _line_problems(line.row, known):
                yield line.problem(column, reason)
    yield from _bundle_problems(sheets.get("bundles", ()))


def _line_problems(row: Row, known: Known) -> Iterator[Finding]:
    for rule in _RULES:
        yield from rule(row, known)


def _spans(row: Row, _known: Known) -> Iterator[Finding]:
    yield from wrong_span(row)


def wrong_span(row: Row) -> Iterator[Finding]:
    """Yield (column, reason) where something ends before it begins."""
    for begin, end in (
        ("manufactured_from", "manufactured_to"),
        ("year_from", "year_to"),
        ("valid_from", "valid_until"),
    ):
        first, last = getattr(row, begin, None), getattr(row, end, None)
        if first is not None and last is not None and last < first:
            yield end, f"{last} is before {begin} {first}"


def _amounts(row: Row, _known: Known) -> Iterator[Finding]:
    yield from wrong_amount(row)


def wrong_amount(row: Row) -> Iterator[Finding]:
    """Yield (column, reason) where money is no amount in whole cents."""
    for column in row.__struct_fields__:
        value = getattr(row, column)
        if not isinstance(value, Decimal):
            continue
        whole = value.is_finite() and 0 <= value <= LARGEST_AMOUNT and value == cents(value)
        if not whole:
            yield column, f"{value} is no amount: 0 to {LARGEST_AMOUNT} with two places at most"


def _reductions(row: Row, _known: Known) -> Iterator[Finding]:
    if not isinstance(row, DiscountRow | VoucherRow):
        return
    if row.kind is ReductionKind.ABSOLUTE and row.currency is None:
        yield "currency", "an absolute reduction needs one"
    if row.kind is ReductionKind.PERCENTUAL and row.value.is_finite() and row.value > 100:
        yield "value", f"{row.value} is more than 100 percent"


def _options(row: Row, _known: Known) -> Iterator[Finding]:
    if not isinstance(row, PrerequisiteRow):
        return
    options = [option.strip() for option in row.options.split("|")] if row.options else []
    if (row.type == "option") != bool(options):
        yield "options", "needed for type option, and for no other"
    if "" in options or len(set(options)) < len(options) or any(len(one) > 120 for one in options):
        yield "options", "each must be there once and have 1 to 120 characters"


def _bundle_problems(lines: Iterable[Line]) -> Iterator[Problem]:
    first: dict[str, BundleRow] = {}
    for line in lines:
        if not isinstance(line.row, BundleRow):
            continue
        head = first.setdefault(line.row.name, line.row)
        if (head.product_group, head.description) != (
            line.row.product_group,
            line.row.description,
        ):
            yield line.problem("name", "product_group and description differ from an earlier line")


_RULES: tuple[Callable[[Row, Known], Iterator[Finding]], ...] = (
    vehicle_references,
    group_references,
    product_references,
    _spans,
    _amounts,
    _reductions,
    _options,
)
