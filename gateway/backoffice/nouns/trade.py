"""What is sold and at which price: products, tax rates, price agreements."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Bytes, Choice, Flag, Number, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.nouns.selling import PRODUCT_COLUMNS, TAX_COLUMNS

PERCENT = Number(2, Decimal(0), Decimal(100))
PRICE = Number(2, Decimal(0))
QUANTITY = Number(3, Decimal(0), Decimal(1_000_000), above_minimum=True)

TAX_RATE = Noun(
    "tax_rate",
    (
        Column("name", Text(100), null=False, index=True),
        Column("rate", PERCENT, null=False, index=True),
        Column("description", Text(255)),
        # True on the default and empty on all others, so that the table itself allows one only.
        Column("default_mark", Flag(), unique=True),
        *TAX_COLUMNS,
    ),
    seeds=(
        {
            "name": "Standard",
            "rate": Decimal(21),
            "description": "High rate",
            "default_mark": True,
        },
        {"name": "Reduced", "rate": Decimal(9), "description": "Low rate"},
        {"name": "Zero", "rate": Decimal(0), "description": "Exempt or reverse charge"},
    ),
)

#: A thing or a service: services have no stock.
PRODUCT = Noun(
    "product",
    (
        Column("name", Text(255), null=False, index=True),
        Column("sku", Text(64), unique=True),
        Column("price_excl", PRICE, null=False, index=True),
        Column("purchase_price", PRICE),
        Column("vat_rate", PERCENT, null=False, default=Decimal(21), index=True),
        Column("min_stock", Whole(0, 1_000_000_000)),
        Column("category_id", Whole(1), index=True),
        Column("is_service", Flag(), null=False, default=False),
        # The sum of the movements, kept by ``rules/stock`` alone.
        Column("stock_quantity", Whole(0), null=False, default=0, index=True),
        *PRODUCT_COLUMNS,
    ),
    soft=True,
    dated=True,
)

PRICE_AGREEMENT = Noun(
    "price_agreement",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("service_id", Ref("product"), null=False),
        Column("status", Choice(("draft", "active", "expired", "signed")), null=False, index=True),
        Column("agreed_price", PRICE, null=False),
        Column("valid_from", Day(), null=False),
        Column("valid_until", Day(), index=True),
        Column("notes", Text(0)),
        Column("activated_at", Moment()),
        Column("signed_at", Moment()),
        Column("signature", Bytes()),
        # Evidence: what was signed with, and from where.
        Column("signature_sha256", Text(64)),
        Column("signed_from", Text(64)),
        Column("contract", Bytes()),
        Column("generated_at", Moment()),
    ),
)

NOUNS = (TAX_RATE, PRODUCT, PRICE_AGREEMENT)
