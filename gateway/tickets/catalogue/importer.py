"""Bring a whole catalogue in: read every sheet, check it against the others, write it at once.

Nothing is written unless everything is right, and then in one transaction. Importing the same
files again changes nothing, and rows keep their ids as long as they keep their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources.abc import Traversable
from typing import TypeVar

import trio

from gateway.domain.catalogue import (
    LARGEST_AMOUNT,
    BundleRow,
    Catalogue,
    DiscountRow,
    ModelRow,
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
from gateway.storage.database import Database
from gateway.storage.queries import catalogue as queries
from gateway.storage.queries.catalogue import Imported
from gateway.tickets.catalogue.sheets import (
    CatalogueInvalid,
    Line,
    Problem,
    duplicates,
    read_sheet,
)

R = TypeVar("R", bound=Row)

#: Name of a sheet -> record type of its rows. Order is the order problems are told in.
SHEETS: dict[str, type[Row]] = {
    "wmis": WmiRow,
    "models": ModelRow,
    "variants": VariantRow,
    "vin_patterns": VinPatternRow,
    "product_groups": ProductGroupRow,
    "products": ProductRow,
    "product_fit": ProductFitRow,
    "prices": PriceRow,
    "service_fees": ServiceFeeRow,
    "discounts": DiscountRow,
    "prerequisites": PrerequisiteRow,
    "vouchers": VoucherRow,
    "bundles": BundleRow,
}


async def import_catalogue(database: Database, folder: Traversable) -> Imported:
    """Read the CSV files in ``folder`` and make them the catalogue.

    Returns:
        How many rows of each kind there are.

    Raises:
        CatalogueInvalid: something is wrong; nothing was written.
    """
    catalogue = await trio.to_thread.run_sync(read_catalogue, folder)
    return await database.write(queries.replace, catalogue)


def read_catalogue(folder: Traversable) -> Catalogue:
    """Return the checked content of the CSV files in ``folder``.

    Raises:
        CatalogueInvalid: one or more cells, lines or references are wrong.
    """
    problems: list[Problem] = []
    sheets = {
        name: read_sheet(folder.joinpath(f"{name}.csv"), kind, problems)
        for name, kind in SHEETS.items()
    }
    problems += _check(sheets)
    if problems:
        order = {f"{name}.csv": place for place, name in enumerate(SHEETS)}
        raise CatalogueInvalid(sorted(problems, key=lambda one: (order[one.file], one.line)))
    rows = {name: tuple(line.row for line in lines) for name, lines in sheets.items()}
    return Catalogue(**rows)  # type: ignore[arg-type]  # SHEETS pairs names with types


@dataclass(frozen=True, slots=True)
class _Known:
    """What rows of other sheets may refer to."""

    makes: AbstractSet[object]
    groups: AbstractSet[object]
    models: AbstractSet[object]
    variants: AbstractSet[object]
    product_groups: AbstractSet[object]
    products: AbstractSet[object]


def _check(sheets: dict[str, list[Line]]) -> Iterator[Problem]:
    known = _known(sheets)
    for lines in sheets.values():
        yield from duplicates(lines)
        for line in lines:
            for column, reason in _line_problems(line.row, known):
                yield line.problem(column, reason)
    yield from _bundle_problems(sheets["bundles"])


def _known(sheets: dict[str, list[Line]]) -> _Known:
    models = list(_rows(sheets["models"], ModelRow))
    variants = _rows(sheets["variants"], VariantRow)
    return _Known(
        makes={row.make for row in _rows(sheets["wmis"], WmiRow)},
        groups={(row.make, row.model_group) for row in models},
        models={(row.make, row.model) for row in models},
        variants={(row.make, row.model, row.variant) for row in variants},
        product_groups={row.name for row in _rows(sheets["product_groups"], ProductGroupRow)},
        products={row.item_number for row in _rows(sheets["products"], ProductRow)},
    )


def _rows(lines: Iterable[Line], kind: type[R]) -> Iterator[R]:
    for line in lines:
        if isinstance(line.row, kind):
            yield line.row


#: Column and reason.
_Finding = tuple[str, str]


def _line_problems(row: Row, known: _Known) -> Iterator[_Finding]:
    for rule in _RULES:
        yield from rule(row, known)


def _vehicle_references(row: Row, known: _Known) -> Iterator[_Finding]:
    make = getattr(row, "make", None)
    if make is not None and make not in known.makes:
        yield "make", f"{make!r} has no line in wmis.csv"
    model = getattr(row, "model", None)
    if model is not None and not isinstance(row, ModelRow) and (make, model) not in known.models:
        yield "model", f"{make} {model!r} has no line in models.csv"
    variant = getattr(row, "variant", None)
    if variant is None or isinstance(row, VariantRow):
        return
    if (make, model, variant) not in known.variants:
        yield "variant", f"{make} {model} {variant!r} has no line in variants.csv"


def _group_references(row: Row, known: _Known) -> Iterator[_Finding]:
    group = getattr(row, "model_group", None)
    make = getattr(row, "make", None)
    if group is not None and (make, group) not in known.groups:
        yield "model_group", f"{make} {group!r} has no line in models.csv"
    products = getattr(row, "product_group", None)
    if products is not None and products not in known.product_groups:
        yield "product_group", f"{products!r} has no line in product_groups.csv"


def _product_references(row: Row, known: _Known) -> Iterator[_Finding]:
    single = getattr(row, "item_number", None)
    if single is not None and single not in known.products:
        yield "item_number", f"{single!r} has no line in products.csv"
    for number in getattr(row, "item_numbers", "").split():
        if number not in known.products:
            yield "item_numbers", f"{number!r} has no line in products.csv"


def _spans(row: Row, _known: _Known) -> Iterator[_Finding]:
    yield from wrong_span(row)


def wrong_span(row: Row) -> Iterator[_Finding]:
    """Yield (column, reason) where something ends before it begins."""
    for begin, end in (
        ("manufactured_from", "manufactured_to"),
        ("year_from", "year_to"),
        ("valid_from", "valid_until"),
    ):
        first, last = getattr(row, begin, None), getattr(row, end, None)
        if first is not None and last is not None and last < first:
            yield end, f"{last} is before {begin} {first}"


def _amounts(row: Row, _known: _Known) -> Iterator[_Finding]:
    yield from wrong_amount(row)


def wrong_amount(row: Row) -> Iterator[_Finding]:
    """Yield (column, reason) where money is no amount in whole cents."""
    for column in row.__struct_fields__:
        value = getattr(row, column)
        if not isinstance(value, Decimal):
            continue
        whole = value.is_finite() and 0 <= value <= LARGEST_AMOUNT and value == cents(value)
        if not whole:
            yield column, f"{value} is no amount: 0 to {LARGEST_AMOUNT} with two places at most"


def _reductions(row: Row, _known: _Known) -> Iterator[_Finding]:
    if not isinstance(row, DiscountRow | VoucherRow):
        return
    if row.kind is ReductionKind.ABSOLUTE and row.currency is None:
        yield "currency", "an absolute reduction needs one"
    if row.kind is ReductionKind.PERCENTUAL and row.value.is_finite() and row.value > 100:
        yield "value", f"{row.value} is more than 100 percent"


def _options(row: Row, _known: _Known) -> Iterator[_Finding]:
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


_RULES: tuple[Callable[[Row, _Known], Iterator[_Finding]], ...] = (
    _vehicle_references,
    _group_references,
    _product_references,
    _spans,
    _amounts,
    _reductions,
    _options,
)
