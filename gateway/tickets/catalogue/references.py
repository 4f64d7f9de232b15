"""Rules between the lines of a catalogue: what a line names must be there.

A name is looked for in the sheets that are read, or on record where these are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from gateway.domain.catalogue import (
    ModelRow,
    ProductGroupRow,
    ProductRow,
    Row,
    VariantRow,
    WmiRow,
)
from gateway.storage.queries.catalogue_names import Names
from gateway.tickets.catalogue.sheets import Line

R = TypeVar("R", bound=Row)

#: Column and reason.
Finding = tuple[str, str]

Sheets = Mapping[str, Sequence[Line]]

#: What names nothing yet.
NOTHING = Names({}, {}, {}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Known:
    """What rows may refer to.

    Attributes:
        read: names of the sheets that were read; the rest is on record.
    """

    read: AbstractSet[str]
    makes: AbstractSet[object]
    groups: AbstractSet[object]
    models: AbstractSet[object]
    variants: AbstractSet[object]
    product_groups: AbstractSet[object]
    products: AbstractSet[object]

    def lacks(self, sheet: str) -> str:
        """Return how it is said that there is no such name in a sheet."""
        if sheet in self.read:
            return f"has no line in {sheet}.csv"
        return "is not in the catalogue; import that part first"


def known_to(sheets: Sheets, names: Names) -> Known:
    """Return what rows of these sheets may refer to; ``names`` are those on record."""
    vehicles, products = "models" in sheets, "products" in sheets
    models = list(_rows(sheets.get("models", ()), ModelRow))
    variants = _rows(sheets.get("variants", ()), VariantRow)
    makes = _rows(sheets.get("wmis", ()), WmiRow)
    groups = _rows(sheets.get("product_groups", ()), ProductGroupRow)
    offered = _rows(sheets.get("products", ()), ProductRow)
    return Known(
        frozenset(sheets),
        makes={row.make for row in makes} if vehicles else names.makes.keys(),
        groups={(row.make, row.model_group) for row in models}
        if vehicles
        else names.groups.keys(),
        models={(row.make, row.model) for row in models} if vehicles else names.models.keys(),
        variants={(row.make, row.model, row.variant) for row in variants}
        if vehicles
        else names.variants.keys(),
        product_groups={row.name for row in groups} if products else names.product_groups.keys(),
        products={row.item_number for row in offered} if products else names.products.keys(),
    )


def _rows(lines: Iterable[Line], kind: type[R]) -> Iterator[R]:
    for line in lines:
        if isinstance(line.row, kind):
            yield line.row


def vehicle_references(row: Row, known: Known) -> Iterator[Finding]:
    """Yield names of makes, models and variants that are not there."""
    make = getattr(row, "make", None)
    if make is not None and make not in known.makes:
        yield "make", f"{make!r} {known.lacks('wmis')}"
    model = getattr(row, "model", None)
    if model is not None and not isinstance(row, ModelRow) and (make, model) not in known.models:
        yield "model", f"{make} {model!r} {known.lacks('models')}"
    variant = getattr(row, "variant", None)
    if variant is None or isinstance(row, VariantRow):
        return
    if (make, model, variant) not in known.variants:
        yield "variant", f"{make} {model} {variant!r} {known.lacks('variants')}"


def group_references(row: Row, known: Known) -> Iterator[Finding]:
    """Yield names of model groups and product groups that are not there."""
    group = getattr(row, "model_group", None)
    make = getattr(row, "make", None)
    if group is not None and (make, group) not in known.groups:
        yield "model_group", f"{make} {group!r} {known.lacks('models')}"
    products = getattr(row, "product_group", None)
    if products is not None and products not in known.product_groups:
        yield "product_group", f"{products!r} {known.lacks('product_groups')}"


def product_references(row: Row, known: Known) -> Iterator[Finding]:
    """Yield item numbers that are not there."""
    single = getattr(row, "item_number", None)
    if single is not None and single not in known.products:
        yield "item_number", f"{single!r} {known.lacks('products')}"
    for number in getattr(row, "item_numbers", "").split():
        if number not in known.products:
            yield "item_numbers", f"{number!r} {known.lacks('products')}"
