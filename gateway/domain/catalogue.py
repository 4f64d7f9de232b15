"""A catalogue as it is written down: one record type for each sheet, named by natural keys.

The annotations are the rules for a single cell; rules between cells and sheets are the
importer's. An import is the whole catalogue, or a whole part: what it no longer names is no longer
offered.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from gateway.domain.money import ReductionKind

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
ItemNumber = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
Year = Annotated[int, Meta(ge=1900, le=2200)]
#: Whole cents, 0 to LARGEST_AMOUNT: the importer checks that, msgspec bounds no decimals.
Money = Decimal
LARGEST_AMOUNT = Decimal(10_000_000)


class Row(Struct, frozen=True, kw_only=True):
    """One line of a sheet; ``KEY`` names the columns that no two lines may share."""

    KEY: ClassVar[tuple[str, ...]] = ()


class WmiRow(Row, frozen=True, kw_only=True):
    """A VIN beginning of a make; the first line of a make adds the make itself."""

    KEY: ClassVar[tuple[str, ...]] = ("prefix",)
    make: Annotated[str, Meta(min_length=1, max_length=80)]
    prefix: Annotated[str, Meta(pattern=r"^[A-HJ-NPR-Z0-9]{3,8}$")]
    year_position: Annotated[int, Meta(ge=4, le=17)] | None = None


class ModelRow(Row, frozen=True, kw_only=True):
    """A model; the first line of a group adds the group itself."""

    KEY: ClassVar[tuple[str, ...]] = ("make", "model")
    make: Name
    model_group: Annotated[str, Meta(min_length=1, max_length=80)]
    model: Name
    manufactured_from: date | None = None
    manufactured_to: date | None = None
    requires_doip: bool = False


class VariantRow(Row, frozen=True, kw_only=True):
    """A variant; without ``requires_doip`` it is as its model is."""

    KEY: ClassVar[tuple[str, ...]] = ("make", "model", "variant")
    make: Name
    model: Name
    variant: Name
    manufactured_from: date | None = None
    manufactured_to: date | None = None
    requires_doip: bool | None = None


class VinPatternRow(Row, frozen=True, kw_only=True):
    """How VINs of a model begin, ``?`` for any character behind the first three."""

    KEY: ClassVar[tuple[str, ...]] = ("pattern", "make", "model")
    pattern: Annotated[str, Meta(pattern=r"^[A-HJ-NPR-Z0-9]{3}[A-HJ-NPR-Z0-9?]{0,14}$")]
    make: Name
    model: Name
    variant: Name | None = None
    year_from: Year | None = None
    year_to: Year | None = None


class ProductGroupRow(Row, frozen=True, kw_only=True):
    """A product group; ``rank`` orders them."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: Name
    rank: int = 0


class ProductRow(Row, frozen=True, kw_only=True):
    """A product."""

    KEY: ClassVar[tuple[str, ...]] = ("item_number",)
    item_number: ItemNumber
    product_group: Name
    name: Name
    internal_name: Name
    description: Text
    unattended: bool = False
    service_fee: bool = False


class ProductFitRow(Row, frozen=True, kw_only=True):
    """Vehicles a product is for: all that match every column that is set."""

    KEY: ClassVar[tuple[str, ...]] = ("item_number", "make", "model_group", "model", "variant")
    item_number: ItemNumber
    make: Name | None = None
    model_group: Name | None = None
    model: Name | None = None
    variant: Name | None = None


class PriceRow(Row, frozen=True, kw_only=True):
    """A gross price from a day on."""

    KEY: ClassVar[tuple[str, ...]] = ("item_number", "currency", "valid_from")
    item_number: ItemNumber
    currency: Currency
    gross: Money
    valid_from: date
    valid_until: date | None = None


class ServiceFeeRow(Row, frozen=True, kw_only=True):
    """What a maker charges for use of its servers."""

    KEY: ClassVar[tuple[str, ...]] = ("make", "currency", "valid_from")
    make: Name
    currency: Currency
    amount: Money
    valid_from: date
    valid_until: date | None = None


class DiscountRow(Row, frozen=True, kw_only=True):
    """A reduction for everybody, narrowed by what is set."""

    description: Name
    item_number: ItemNumber | None = None
    product_group: Name | None = None
    make: Name | None = None
    kind: ReductionKind
    value: Money
    currency: Currency | None = None
    valid_from: date
    valid_until: date | None = None


class PrerequisiteRow(Row, frozen=True, kw_only=True):
    """A question; ``options`` are divided by ``|``, ``item_numbers`` by blanks."""

    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: Name
    description: Text
    question: Text
    type: Annotated[str, Meta(pattern=r"^(boolean|option|text)$")]
    required: bool = True
    options: str = ""
    item_numbers: str = ""


class VoucherRow(Row, frozen=True, kw_only=True):
    """A voucher; without ``item_numbers`` it counts for all products."""

    KEY: ClassVar[tuple[str, ...]] = ("code",)
    code: Annotated[str, Meta(pattern=r"^[A-Z0-9]{4,8}$")]
    description: Name
    kind: ReductionKind
    value: Money
    currency: Currency | None = None
    valid_from: date
    valid_until: date | None = None
    use_limit: Annotated[int, Meta(ge=1)] | None = None
    item_numbers: str = ""


class BundleRow(Row, frozen=True, kw_only=True):
    """One product of a bundle; lines with one block number are chosen together."""

    KEY: ClassVar[tuple[str, ...]] = ("name", "item_number")
    name: Name
    product_group: Name
    description: Text
    item_number: ItemNumber
    block: Annotated[int, Meta(ge=1)]
    optional: bool = False


class RateRow(Row, frozen=True, kw_only=True):
    """What one unit of ``base`` is worth in ``currency`` from a day on; beside a catalogue."""

    KEY: ClassVar[tuple[str, ...]] = ("base", "currency", "valid_from")
    base: Currency
    currency: Currency
    valid_from: date
    rate: Decimal


class Part(StrEnum):
    """What of a catalogue may be brought in by itself."""

    VEHICLES = "vehicles"
    PRODUCTS = "products"
    PRICES = "prices"


class Catalogue(Struct, frozen=True, kw_only=True):
    """All sheets, or those of a part; a field's name is the name of its file without ``.csv``."""

    wmis: tuple[WmiRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    variants: tuple[VariantRow, ...] = ()
    vin_patterns: tuple[VinPatternRow, ...] = ()
    product_groups: tuple[ProductGroupRow, ...] = ()
    products: tuple[ProductRow, ...] = ()
    product_fit: tuple[ProductFitRow, ...] = ()
    prerequisites: tuple[PrerequisiteRow, ...] = ()
    bundles: tuple[BundleRow, ...] = ()
    prices: tuple[PriceRow, ...] = ()
    service_fees: tuple[ServiceFeeRow, ...] = ()
    discounts: tuple[DiscountRow, ...] = ()
    vouchers: tuple[VoucherRow, ...] = ()
