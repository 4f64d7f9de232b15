"""Field sales: prices."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    NAME,
    QUANTITY,
    SUM,
    Cell,
    ids,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Part
from gateway.backoffice.nouns.trade import PERCENT, TAX_RATE
from gateway.backoffice.profiles.field_sales import LINKS, META
from gateway.backoffice.resource import Filter, Match, to_one
from gateway.backoffice.rules import tax_rates
from gateway.backoffice.rules.field_sales import must_sell, prices

PRICE_LIST = sheet(
    "/pricelist",
    LINKS,
    "PriceListSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "createdby": own(Part({"_id": NAME, "name": NAME})),
        "disabled": Cell(Flag(), find=True),
    },
    name="price_list",
    rules=Rules(prices.create_list),
    aliases=("/pricelists",),
    meta=True,
    filters=(Filter("createdby._id", ("createdby",), Match.HOLDS),),
)

PRICE_LIST_ITEM = sheet(
    "/pricelistitem",
    LINKS,
    "PriceListItemSchema",
    {
        "product_id": Cell(Ref("product"), must=True),
        "variant_id": Cell(Ref("variant"), must=True),
        "pricelist_id": Cell(Ref("price_list"), must=True),
        "price": Cell(SUM, must=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="price_list_item",
    rules=Rules(prices.create_item, prices.change_item),
    unique=(("variant_id", "pricelist_id"),),
    instead={"product": "product_id", "variant": "variant_id", "pricelist": "pricelist_id"},
    aliases=("/pricelistsitems",),
    meta=True,
    filters=(Filter("search", ("product.name", "variant.name", "variant.sku"), Match.SEARCH),),
    relations=(
        to_one("product", "product", "product_id"),
        to_one("variant", "variant", "variant_id"),
    ),
)

MEASURE_UNIT = sheet(
    "/measure-unit",
    LINKS,
    "MeasureUnitSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "factor": Cell(FINE, must=True, find=True),
        "local_name": NAME,
        "parent": Ref("measure_unit"),
        "disabled": Cell(Flag(), find=True),
    },
    name="measure_unit",
    rules=Rules(prices.create_unit, prices.change_unit),
    aliases=("/measureunits",),
    meta=True,
    filters=(Filter("family_name", ("id",), Match.ANY, NAME, resolve=prices.units_of_families),),
)

MEASURE_UNIT_FAMILY = sheet(
    "/measureunitfamily",
    LINKS,
    "MeasureUnitFamilySchemaWithPopulatedKeys",
    {
        "name": Cell(NAME, must=True, find=True),
        "local_name": Cell(NAME, find=True),
        "measureunits": ids("measure_unit"),
        "disabled": Cell(Flag(), find=True),
    },
    name="measure_unit_family",
    aliases=("/measureunit-family",),
    meta=True,
)

TAXES = sheet(
    "/tax",
    LINKS,
    "TaxSchema",
    {
        "name": Cell(Text(100), must=True, find=True),
        "rate": Cell(PERCENT, must=True, find=True),
        "type": Cell(
            words("inclusive", "additive", "N/A"), must=True, find=True, empty="additive"
        ),
        "disabled": Cell(Flag(), find=True),
    },
    name="tax",
    noun=TAX_RATE,
    rules=Rules(tax_rates.create_rate, tax_rates.change_rate, tax_rates.remove_rate),
    meta=True,
)

MSL = sheet(
    "/msl",
    META,
    "MSL",
    {
        "name": Cell(NAME, find=True),
        "client": Ref("customer"),
        "rep": Ref("rep"),
        "startDate": Moment(),
        "endDate": Moment(),
        "disabled": Cell(Flag(), find=True),
    },
    name="msl",
    rules=Rules(change=must_sell.change_list),
)

MSL_PRODUCT = sheet(
    "/msl-products",
    META,
    "MSLProduct",
    {
        "msl": Cell(Ref("msl"), also=("msl_id",)),
        "product": Cell(Ref("product"), also=("product_id",)),
        "variant": Cell(Ref("variant"), also=("variant_id",)),
        "targetQuantity": QUANTITY,
        "achievedQuantity": QUANTITY,
        "disabled": Cell(Flag(), find=True),
    },
    name="msl_product",
    rules=Rules(must_sell.add_product, must_sell.change_product),
)

RESOURCES = (
    PRICE_LIST,
    PRICE_LIST_ITEM,
    MEASURE_UNIT,
    MEASURE_UNIT_FAMILY,
    TAXES,
    MSL,
    MSL_PRODUCT,
)
NOUNS = nouns(*(r for r in RESOURCES if r is not TAXES))
