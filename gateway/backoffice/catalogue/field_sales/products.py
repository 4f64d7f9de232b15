"""Field sales: products."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import removal
from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    ID,
    LINK,
    NAME,
    NOTES,
    SUM,
    Cell,
    ids,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref, Text, Whole
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.nouns.trade import PRODUCT
from gateway.backoffice.profiles.field_sales import LINKS, PAGING
from gateway.backoffice.resource import Computed, Filter, Input, Match, to_one
from gateway.backoffice.rules import stock
from gateway.backoffice.rules.field_sales import modifiers, products

PRODUCT_BRAND = sheet(
    "/product-brand",
    LINKS,
    "BrandSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "local_name": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="brand",
    meta=True,
    dated=("createdAt",),
)

PRODUCT_CATEGORY = sheet(
    "/product-category",
    LINKS,
    "CategorySchema",
    {
        "type": words("main"),
        "name": Cell(NAME, must=True, find=True),
        "photo": NAME,
        "local_name": Cell(NAME, find=True),
        "icon": NAME,
        "disabled": Cell(Flag(), find=True),
        "position": Cell(SUM, find=True),
    },
    name="goods_category",
    meta=True,
    dated=("createdAt",),
)

PRODUCT_SUBCATEGORY = sheet(
    "/product/sub-categories",
    LINKS,
    "SubCategorySchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "parent_id": Cell(Ref("goods_category"), must=True),
        "local_name": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
        "photo": NAME,
        "position": Cell(SUM, find=True),
    },
    name="product_subcategory",
    instead={"parent_id": "parent_id"},
    aliases=("/product-sub-category",),
    meta=True,
    dated=("createdAt",),
)

PRODUCT_GROUP = sheet(
    "/product-group",
    LINKS,
    "ProductGroupSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "local_name": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="product_group",
    dated=("createdAt",),
)

MODIFIER_GROUP = sheet(
    "/product-modifiers-group",
    PAGING,
    "ProductModifiersGroup",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "modifiers": Many(
            Part({"_id": NAME, "name": NAME, "price_adjustment": SUM, "description": NOTES})
        ),
        "is_required": Cell(Flag(), default=False),
        "max_selection": Cell(Whole(), default=1),
        "disabled": Cell(Flag(), default=False, find=True),
    },
    name="modifier_group",
    rules=Rules(modifiers.create_group, modifiers.change_group),
)

_TEXT = {"type": "string"}

_VARIANT = Part(
    {
        "name": NAME,
        "price": SUM,
        "disabled": Flag(),
        "uuid": NAME,
        "local_name": NAME,
        "sku": NAME,
        "barcode": NAME,
        "weight": FINE,
        "length": FINE,
        "width": FINE,
        "height": FINE,
        "position": SUM,
        "default": Flag(),
        "variant_img": NAME,
        "modifiers_groups": ids("modifier_group"),
        "integration_meta": Document(),
    },
    ("name", "price"),
)

PRODUCTS = sheet(
    "/product",
    LINKS,
    "ProductSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "category": Cell(Ref("goods_category"), must=True, column="sales_category_id"),
        "active": Cell(Flag(), find=True),
        "local_name": Cell(NAME, find=True),
        "sku": Cell(Text(64), find=True),
        "sub_category": ids("product_subcategory"),
        "assigned_to": ids("rep"),
        "auditable": Flag(),
        "barcode": Cell(NAME, find=True),
        "sv_tax": Cell(Ref("tax_rate"), column="tax_rate_id"),
        "sv_measureUnit": Cell(Ref("measure_unit"), column="measure_unit_id"),
        "description": NOTES,
        "local_description": NOTES,
        "product_img": LINK,
        "assigned_media": ids("media_item"),
        "html_description": NOTES,
        "modifiers_group": ids("modifier_group"),
        "featured": Flag(),
        "brand": Cell(Ref("brand"), column="brand_id"),
        "rsp": Cell(SUM, find=True),
        "measureunit_family": Cell(Ref("measure_unit_family"), column="measure_unit_family_id"),
        "teams": ids("team"),
        "position": Cell(SUM, find=True),
        "product_groups": ids("product_group"),
        "frozen_pre_sales": Cell(Flag(), find=True),
        "frozen_sales": Cell(Flag(), find=True),
    },
    name="product",
    noun=PRODUCT,
    rules=Rules(products.create_product, products.change_product, stock.remove_product),
    # The price is a text here and an amount everywhere else.
    members=(Computed("base_price", _TEXT, lambda row: str(row.values["price_excl"])),),
    inputs=(Input("base_price", Text(32)), Input("variants", Many(_VARIANT))),
    meta=True,
    dated=("createdAt",),
    filters=(
        Filter("base_price", ("price_excl",), Match.ANY),
        Filter("disabled", ("active",), Match.OPPOSITE),
    ),
)

VARIANT = sheet(
    "/variant",
    LINKS,
    "VariantSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "product": Cell(Ref("product"), must=True),
        "price": Cell(SUM, must=True, find=True),
        "disabled": Cell(Flag(), find=True),
        "uuid": NAME,
        "local_name": Cell(NAME, find=True),
        "sku": Cell(NAME, find=True),
        "barcode": Cell(NAME, find=True),
        "weight": FINE,
        "length": FINE,
        "width": FINE,
        "height": FINE,
        "position": Cell(SUM, find=True),
        "default": Cell(Flag(), find=True),
        "variant_img": NAME,
        "modifiers_groups": ids("modifier_group"),
    },
    name="variant",
    rules=Rules(products.create_variant, products.change_variant, products.remove_variant),
    meta=True,
    dated=("createdAt",),
    filters=(
        Filter("category", ("of.sales_category_id",), Match.AMONG, ID),
        Filter("brand", ("of.brand_id",), Match.AMONG, ID),
    ),
    relations=(to_one("of", "product", "product"),),
)

RESOURCES = (
    PRODUCT_BRAND,
    PRODUCT_CATEGORY,
    PRODUCT_SUBCATEGORY,
    PRODUCT_GROUP,
    MODIFIER_GROUP,
    PRODUCTS,
    VARIANT,
)
NOUNS = nouns(*(r for r in RESOURCES if r is not PRODUCTS))

ACTIONS = (removal(MODIFIER_GROUP, "bulkDeleteProductModifierGroups"),)
