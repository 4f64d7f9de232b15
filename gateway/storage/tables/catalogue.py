"""What vehicles exist and what can be ordered for them.

The vehicle tree has four levels: make, model group ("Golf"), model ("Golf VII (5G1)") and variant
("1.4 TSI (92 kW)"). Rows are named by natural keys (names, item numbers, codes), so that the same
file can be imported again and again without changing an id that a portal may have kept.

Prices, fees and discounts carry the days from which and (exclusively) until which they hold; an
open end is ``NULL``. Money is kept in cents by :class:`~gateway.storage.columns.Amount`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from gateway.storage.columns import Amount
from gateway.storage.tables import metadata

make = Table(
    "vehicle_make",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
)

#: A world manufacturer identifier, or a longer beginning where makes share one (1C4RJ, 1C4RD).
make_wmi = Table(
    "vehicle_make_wmi",
    metadata,
    Column("prefix", String(8), primary_key=True),
    Column("make_id", ForeignKey("vehicle_make.id"), nullable=False, index=True),
    # Which character (1 to 17) holds the model year; NULL where this maker does not tell it.
    Column("year_position", Integer),
)

model_group = Table(
    "vehicle_model_group",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("make_id", ForeignKey("vehicle_make.id"), nullable=False),
    Column("name", String(80), nullable=False),
    UniqueConstraint("make_id", "name"),
)

model = Table(
    "vehicle_model",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_group_id", ForeignKey("vehicle_model_group.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("manufactured_from", Date),
    Column("manufactured_to", Date),
    Column("requires_doip", Boolean, nullable=False),
    UniqueConstraint("model_group_id", "name"),
)

variant = Table(
    "vehicle_variant",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey("vehicle_model.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("manufactured_from", Date),
    Column("manufactured_to", Date),
    Column("requires_doip", Boolean, nullable=False),
    UniqueConstraint("model_id", "name"),
)

#: How a VIN begins for a model, ``?`` for any character; years narrow what a pattern shares.
vin_pattern = Table(
    "vin_pattern",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wmi", String(3), nullable=False, index=True),
    Column("pattern", String(17), nullable=False),
    Column("model_id", ForeignKey("vehicle_model.id"), nullable=False),
    Column("variant_id", ForeignKey("vehicle_variant.id")),
    Column("year_from", Integer),
    Column("year_to", Integer),
    UniqueConstraint("pattern", "model_id"),
)

product_group = Table(
    "product_group",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("rank", Integer, nullable=False, default=0),
)

product = Table(
    "product",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_group_id", ForeignKey("product_group.id"), nullable=False, index=True),
    Column("item_number", String(40), nullable=False, unique=True),
    Column("name", String(160), nullable=False),
    Column("internal_name", String(160), nullable=False),
    Column("description", Text, nullable=False),
    # Carried out by a declared procedure, without an operator.
    Column("is_unattended", Boolean, nullable=False),
    # Uses the maker's own servers, whose fee is passed on.
    Column("has_service_fee", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
)

#: A product fits a vehicle when one of its rows does; in a row every level that is set must
#: match, so a row with nothing set fits every vehicle.
product_fit = Table(
    "product_fit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False, index=True),
    Column("make_id", ForeignKey("vehicle_make.id")),
    Column("model_group_id", ForeignKey("vehicle_model_group.id")),
    Column("model_id", ForeignKey("vehicle_model.id")),
    Column("variant_id", ForeignKey("vehicle_variant.id")),
)

product_price = Table(
    "product_price",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", ForeignKey("product.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("gross", Amount(2), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    CheckConstraint("gross >= 0", name="gross_not_negative"),
    UniqueConstraint("product_id", "currency", "valid_from"),
)

#: The original equipment fee of a maker, charged with each product that has one.
service_fee = Table(
    "service_fee",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("make_id", ForeignKey("vehicle_make.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", Amount(2), nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    UniqueConstraint("make_id", "currency", "valid_from"),
)

#: A reduction everybody gets. What is NULL (product, group, make) does not narrow it.
discount = Table(
    "discount",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("description", String(160), nullable=False),
    Column("product_id", ForeignKey("product.id"), index=True),
    Column("product_group_id", ForeignKey("product_group.id")),
    Column("make_id", ForeignKey("vehicle_make.id")),
    Column("kind", String(12), nullable=False),
    # Percent, or an amount in `currency`.
    Column("value", Amount(2), nullable=False),
    Column("currency", String(3)),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    CheckConstraint("kind IN ('percentual', 'absolute')", name="kind_known"),
    CheckConstraint("kind = 'percentual' OR currency IS NOT NULL", name="absolute_has_currency"),
)

prerequisite = Table(
    "prerequisite",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("question", Text, nullable=False),
    # boolean, option or text: what an answer may look like.
    Column("type", String(12), nullable=False),
    Column("required", Boolean, nullable=False),
    CheckConstraint("type IN ('boolean', 'option', 'text')", name="type_known"),
)

prerequisite_option = Table(
    "prerequisite_option",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("prerequisite_id", ForeignKey("prerequisite.id"), nullable=False),
    Column("value", String(120), nullable=False),
    UniqueConstraint("prerequisite_id", "value"),
)

product_prerequisite = Table(
    "product_prerequisite",
    metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("prerequisite_id", ForeignKey("prerequisite.id"), primary_key=True, index=True),
)

product_bundle = Table(
    "product_bundle",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_group_id", ForeignKey("product_group.id"), nullable=False),
    Column("name", String(120), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("reference", Uuid, nullable=False),
)

#: One product of a bundle; products with the same block number are chosen together.
bundle_product = Table(
    "product_bundle_product",
    metadata,
    Column("bundle_id", ForeignKey("product_bundle.id"), primary_key=True),
    Column("product_id", ForeignKey("product.id"), primary_key=True, index=True),
    Column("block", Integer, nullable=False),
    Column("optional", Boolean, nullable=False),
)

#: What one unit of ``base`` is worth in ``currency`` from a day on, until a newer row.
exchange_rate = Table(
    "exchange_rate",
    metadata,
    Column("base", String(3), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("rate", Amount(8), nullable=False),
    CheckConstraint("rate > 0", name="rate_positive"),
)

voucher = Table(
    "voucher",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(16), nullable=False, unique=True),
    Column("description", String(160), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("value", Amount(2), nullable=False),
    Column("currency", String(3)),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date),
    Column("use_limit", Integer),
    # Raised in the transaction that creates a ticket, lowered when the ticket is cancelled.
    Column("used", Integer, nullable=False, default=0),
    CheckConstraint("kind IN ('percentual', 'absolute')", name="kind_known"),
    CheckConstraint("kind = 'percentual' OR currency IS NOT NULL", name="absolute_has_currency"),
    CheckConstraint("use_limit IS NULL OR used <= use_limit", name="within_use_limit"),
)

#: The only products a voucher counts for; a voucher without rows counts for all.
voucher_product = Table(
    "voucher_product",
    metadata,
    Column("voucher_id", ForeignKey("voucher.id"), primary_key=True),
    Column("product_id", ForeignKey("product.id"), primary_key=True),
)

#: Products a garage orders often; shown first in its portal.
favourite_product = Table(
    "favourite_product",
    metadata,
    Column("tenant_id", ForeignKey("tenant.id"), primary_key=True),
    Column("product_id", ForeignKey("product.id"), primary_key=True),
)
