"""Bins, receiving and pick lists (contracts/repair.yaml, Warehouse, Receiving, Pick Lists)."""

from __future__ import annotations

from gateway.backoffice.action import Section, in_shop, verb
from gateway.backoffice.catalogue.repair.products import MOVEMENT
from gateway.backoffice.catalogue.repair.shapes import (
    NAME_REF,
    NULL_WHOLE,
    TEXT,
    WHOLE,
    author,
    column_of,
    listed,
    members,
)
from gateway.backoffice.kinds import Identifier, Ref, Text, Whole
from gateway.backoffice.nouns.stockroom import (
    BIN,
    PICK_LIST,
    PICK_LIST_LINE,
    PURCHASE_ORDER,
    PURCHASE_ORDER_LINE,
    RECEIPT,
    RECEIPT_LINE,
    SUPPLIER,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.reading import show
from gateway.backoffice.records import Anything, Member, Records, Several
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Input,
    Nested,
    Operation,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules import picking, receiving, stock
from gateway.backoffice.shop import Shop, Values

_PIECES = Whole(1, 1_000_000_000)
_MODULE = "warehouse"

BINS = Resource(
    name="bin",
    profile=BARE,
    path="/warehouse/bins",
    shape=Shape(
        "Bin",
        BIN,
        (
            Field("id"),
            Field("code", required=True),
            Field("branch_id"),
            Field("description"),
            Field("is_active"),
        ),
    ),
    ability="warehouse",
    module=_MODULE,
    operations=frozenset({Operation.LIST, Operation.CREATE}),
    order=("code",),
    create=stock.create_bin,
)

ORDER_LINE = Shape(
    "PurchaseOrderLine",
    PURCHASE_ORDER_LINE,
    (
        Field("id"),
        Field("product_id"),
        Field("ordered_qty"),
        Field("received_qty"),
        Computed(
            "outstanding_qty",
            WHOLE,
            lambda row: row.values["ordered_qty"] - row.values["received_qty"],
        ),
    ),
)

EXPECTED = Resource(
    name="purchase_order",
    profile=PAGED,
    path="/receiving",
    shape=Shape(
        "PurchaseOrder",
        PURCHASE_ORDER,
        (
            Field("id"),
            Field("number", write=Write.NEVER),
            Field("supplier_id", empty=0),
            Field("status"),
            Nested("lines", "lines", ORDER_LINE),
            Field("expected_on"),
        ),
        (to_many("lines", "purchase_order_line", "purchase_order_id"),),
    ),
    ability="receiving",
    module=_MODULE,
    operations=frozenset({Operation.LIST}),
)

RECEIVED = Shape(
    "Receipt",
    RECEIPT,
    (
        Field("id"),
        Field("purchase_order_id"),
        Field("supplier_id"),
        Field("reference"),
        Nested(
            "lines",
            "lines",
            Shape(
                "ReceiptLine",
                RECEIPT_LINE,
                (Field("product_id"), Field("quantity"), Field("bin")),
            ),
        ),
        Field("received_at", "created_at"),
        Computed("received_by", NAME_REF, author()),
    ),
    (to_many("lines", "receipt_line", "receipt_id"), to_one("user", "shop_user")),
)


def _sku(row: Row) -> object:
    return column_of("product", "sku")(row) or ""


def _bin(row: Row) -> object:
    return column_of("bin", "code")(row) or ""


PICK_LINE = Shape(
    "PickListLine",
    PICK_LIST_LINE,
    (
        Field("product_id"),
        Computed("sku", TEXT, _sku),
        Field("quantity"),
        Computed("bin", TEXT, _bin),
        Field("picked_quantity"),
        Field("shortage"),
    ),
    (to_one("product", "product"), to_one("bin", "bin")),
)

PICK_LISTS = Resource(
    name="pick_list",
    profile=PAGED,
    path="/pick-lists",
    shape=Shape(
        "PickList",
        PICK_LIST,
        (
            Field("id"),
            Field("number", write=Write.NEVER),
            Field("work_order_id", required=True),
            Field("status", write=Write.NEVER),
            Nested("lines", "lines", PICK_LINE),
            Field("completed_at", write=Write.NEVER),
        ),
        (to_many("lines", "pick_list_line", "pick_list_id"),),
    ),
    ability="pick-lists",
    module=_MODULE,
    operations=READING | {Operation.CREATE},
    filters=(Filter("status"),),
    create=picking.create_list,
)

SUPPLIERS = Resource(
    name="supplier",
    profile=BARE,
    path="/suppliers",
    shape=Shape("Supplier", SUPPLIER, (Field("id"), Field("name", required=True), Field("email"))),
    ability="receiving",
    module=_MODULE,
    order=("name",),
)

RESOURCES = (BINS, EXPECTED, PICK_LISTS, SUPPLIERS)


def _transfer(shop: Shop, values: Values) -> object:
    return show(shop, MOVEMENT, shop.get("stock_movement", stock.transfer(shop, values)))


def _receive(shop: Shop, values: Values) -> object:
    return show(shop, RECEIVED, shop.get("receipt", receiving.receive_order(shop, values)))


def _receive_direct(shop: Shop, values: Values) -> object:
    return show(shop, RECEIVED, shop.get("receipt", receiving.receive_direct(shop, values)))


def _order_what_is_low(shop: Shop, values: Values) -> object:
    return {"purchase_order_id": receiving.order_what_is_low(shop, values.get("supplier_id"))}


_SECTION = Section(REPAIR, "receiving", module=_MODULE)

ACTIONS = (
    _SECTION.action(
        "POST",
        "orderLowStock",
        "/receiving/low-stock",
        "Make a purchase order for all that is below its minimum",
        members(purchase_order_id=NULL_WHOLE),
        in_shop(_order_what_is_low),
        inputs=(Input("supplier_id", Ref("supplier")),),
    ),
    _SECTION.action(
        "GET",
        "listBinStock",
        "/warehouse/stock",
        "What lies in which bin",
        listed(members(product_id=WHOLE, sku=TEXT, quantity=WHOLE, bin=TEXT)),
        in_shop(stock.in_bins, writes=False),
        query=(Input("bin", Text(32)), Input("product_id", Identifier())),
        ability="warehouse:read",
        aliases=("/wms/stock", "/warehouse/inventory"),
        tag="warehouse",
    ),
    _SECTION.action(
        "POST",
        "transferStock",
        "/warehouse/transfers",
        "Move a product from one bin to another",
        MOVEMENT,
        in_shop(_transfer),
        inputs=(
            Input("product_id", Identifier(), required=True),
            Input("quantity", _PIECES, required=True),
            Input("from_bin", Text(32), required=True),
            Input("to_bin", Text(32), required=True),
        ),
        status=201,
        ability="warehouse:write",
        tag="warehouse",
    ),
    _SECTION.action(
        "POST",
        "receivePurchaseOrder",
        "/receiving/{purchase_order_id}/receive",
        "Take in goods of a purchase order",
        RECEIVED,
        in_shop(_receive),
        inputs=(
            Input("reference", Text(100)),
            Input(
                "lines",
                Records(
                    (
                        Member("po_line_id", Identifier(), required=True),
                        Member("received_qty", _PIECES, required=True),
                        Member("bin", Text(32)),
                    ),
                    minimum=1,
                ),
                required=True,
            ),
        ),
        aliases=("/receiving/purchase-orders/{purchase_order_id}",),
    ),
    _SECTION.action(
        "POST",
        "receiveDirect",
        "/receiving/direct",
        "Take in goods that nobody ordered here",
        RECEIVED,
        in_shop(_receive_direct),
        inputs=(
            Input("product_id", Identifier(), required=True),
            Input("quantity", _PIECES, required=True),
            Input("supplier_id", Identifier()),
            Input("reference", Text(100)),
            Input("bin", Text(32)),
        ),
        status=201,
        aliases=("/receiving",),
    ),
    verb(
        PICK_LISTS,
        "completePickList",
        "complete",
        picking.complete,
        summary="Take everything on the list out of stock",
        inputs=(Input("lines", Several(Anything())),),
    ),
)
