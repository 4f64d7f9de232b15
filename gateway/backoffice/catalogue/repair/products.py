"""Products and stock (contracts/repair.yaml, Products, Stock)."""

from __future__ import annotations

from gateway.backoffice.action import Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    NAME_REF,
    NULL_TEXT,
    TEXT,
    WHOLE,
    author,
    column_of,
    listed,
    members,
)
from gateway.backoffice.kinds import Flag, Identifier, Text, Whole
from gateway.backoffice.moments import DayEdge
from gateway.backoffice.nouns.stockroom import STOCK_MOVEMENT
from gateway.backoffice.nouns.trade import PRODUCT
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Operation,
    Resource,
    Shape,
    Write,
    to_one,
)
from gateway.backoffice.rules import documents, stock, tax_rates
from gateway.backoffice.rules.field_sales.products import follow_price
from gateway.backoffice.shop import Shop, Values


def _create(shop: Shop, values: Values) -> int:
    documents.check_rates(shop, [values])
    usual = {"vat_rate": PRODUCT.by_name["vat_rate"].default}
    return stock.create_product(shop, _taxed(shop, usual | values))


def _taxed(shop: Shop, values: Values) -> Values:
    """Add the tax of the rate, which field sales names."""
    if "vat_rate" not in values:
        return values
    return values | {"tax_rate_id": tax_rates.on_top(shop, values["vat_rate"])}


def _change(shop: Shop, row: Values, values: Values) -> None:
    documents.check_rates(shop, [values])
    values = _taxed(shop, values)
    if values:
        shop.change("product", row["id"], values)
        follow_price(shop, row, values)


PRODUCT_SHAPE = Shape(
    "Product",
    PRODUCT,
    (
        Field("id"),
        Field("name", required=True),
        Field("sku"),
        Field("price_excl", required=True),
        Field("purchase_price"),
        Field("vat_rate"),
        Field("stock_quantity", write=Write.CREATE),
        Field("min_stock"),
        Field("category_id"),
        Field("is_service"),
        Field("created_at"),
    ),
)

PRODUCTS = Resource(
    name="product",
    profile=PAGED,
    path="/products",
    shape=PRODUCT_SHAPE,
    ability="products",
    filters=(
        Filter("q", ("name", "sku"), Match.SEARCH),
        Filter("category_id"),
        Filter("in_stock", ("stock_quantity",), Match.POSITIVE),
    ),
    create=_create,
    change=_change,
    remove=stock.remove_product,
)

MOVEMENT = Shape(
    "StockMovement",
    STOCK_MOVEMENT,
    (
        Field("id"),
        Field("product_id"),
        Computed("bin", NULL_TEXT, column_of("bin", "code")),
        Field("quantity"),
        Field("kind"),
        Field("reason"),
        Computed("user", NAME_REF, author()),
        Field("balance_after"),
        Field("created_at"),
    ),
    (to_one("bin", "bin"), to_one("user", "shop_user")),
)

MOVEMENTS = Resource(
    name="stock_movement",
    profile=PAGED,
    path="/stock/movements",
    shape=MOVEMENT,
    ability="stock",
    operations=frozenset({Operation.LIST}),
    filters=(
        Filter("product_id"),
        Filter("from", ("moved_at",), Match.FROM, DayEdge()),
        Filter("to", ("moved_at",), Match.BELOW, DayEdge(following=True)),
    ),
)

RESOURCES = (PRODUCTS, MOVEMENTS)

LEVEL = members(product_id=WHOLE, sku=TEXT, name=TEXT, quantity=WHOLE, min_stock=WHOLE)

_SECTION = Section(REPAIR, "stock")

ACTIONS = (
    _SECTION.action(
        "GET",
        "listStock",
        "/stock",
        "What is in stock",
        listed(LEVEL),
        in_shop(stock.levels, writes=False),
        query=(Input("low", Flag()),),
    ),
    _SECTION.action(
        "POST",
        "adjustStock",
        "/stock/adjust",
        "Correct a quantity: positive adds, negative removes",
        LEVEL,
        in_shop(stock.adjust),
        inputs=(
            Input("product_id", Identifier(), required=True),
            Input("quantity", Whole(-1_000_000_000, 1_000_000_000), required=True),
            Input("reason", Text()),
            Input("bin", Text(32)),
        ),
        aliases=("/stock/adjustments",),
    ),
)
