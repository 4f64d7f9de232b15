"""Where things lie and how they came there. Quantities change by movements alone."""

from __future__ import annotations

from gateway.backoffice.kinds import Choice, Email, Flag, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.nouns.selling import MOVEMENT_COLUMNS, SUPPLIER_COLUMNS

MOVEMENTS = ("initial", "adjustment", "receipt", "pick", "transfer", "return")

_COUNT = Whole(0, 1_000_000_000)

BIN = Noun(
    "bin",
    (
        Column("code", Text(32), null=False, index=True),
        Column("branch_id", Ref("branch")),
        Column("description", Text(255)),
        Column("is_active", Flag(), null=False, default=True),
    ),
)

#: How much of a product lies in a bin; what lies in none is the product's rest.
BIN_STOCK = Noun(
    "bin_stock",
    (
        Column("bin_id", Ref("bin"), null=False),
        Column("product_id", Ref("product"), null=False),
        Column("quantity", _COUNT, null=False, default=0),
    ),
    unique=(("bin_id", "product_id"),),
)

#: Rows are added, never changed.
STOCK_MOVEMENT = Noun(
    "stock_movement",
    (
        Column("product_id", Ref("product"), null=False),
        Column("bin_id", Ref("bin")),
        Column("quantity", Whole(), null=False),
        Column("kind", Choice(MOVEMENTS), null=False, index=True),
        Column("reason", Text(255)),
        Column("user_id", Ref("shop_user")),
        Column("balance_after", _COUNT, null=False),
        Column("work_order_id", Ref("work_order")),
        # Lists ask for movements between two moments.
        Column("moved_at", Moment(), null=False, index=True),
        *MOVEMENT_COLUMNS,
    ),
)

SUPPLIER = Noun(
    "supplier",
    (
        Column("name", Text(255), null=False, index=True),
        Column("email", Email()),
        *SUPPLIER_COLUMNS,
    ),
    soft=True,
)

PURCHASE_ORDER = Noun(
    "purchase_order",
    (
        Column("number", Text(32), null=False, unique=True),
        Column("supplier_id", Ref("supplier")),
        Column(
            "status",
            Choice(("ordered", "partially_received", "received", "cancelled")),
            null=False,
            default="ordered",
            index=True,
        ),
        Column("expected_on", Day()),
    ),
)

PURCHASE_ORDER_LINE = Noun(
    "purchase_order_line",
    (
        Column("purchase_order_id", Ref("purchase_order"), null=False),
        Column("product_id", Ref("product"), null=False),
        Column("ordered_qty", _COUNT, null=False),
        Column("received_qty", _COUNT, null=False, default=0),
    ),
)

RECEIPT = Noun(
    "receipt",
    (
        Column("purchase_order_id", Ref("purchase_order")),
        Column("supplier_id", Ref("supplier")),
        Column("reference", Text(100), index=True),
        Column("user_id", Ref("shop_user")),
    ),
)

RECEIPT_LINE = Noun(
    "receipt_line",
    (
        Column("receipt_id", Ref("receipt"), null=False),
        Column("product_id", Ref("product"), null=False),
        Column("quantity", _COUNT, null=False),
        Column("bin", Text(32)),
    ),
)

PICK_LIST = Noun(
    "pick_list",
    (
        Column("number", Text(32), null=False, unique=True),
        Column("work_order_id", Ref("work_order"), null=False),
        Column("status", Choice(("open", "done")), null=False, default="open", index=True),
        Column("completed_at", Moment()),
    ),
)

PICK_LIST_LINE = Noun(
    "pick_list_line",
    (
        Column("pick_list_id", Ref("pick_list"), null=False),
        Column("product_id", Ref("product"), null=False),
        Column("bin_id", Ref("bin")),
        Column("quantity", _COUNT, null=False),
        Column("picked_quantity", _COUNT, null=False, default=0),
        # Wanted, but nowhere to be had when the list was made.
        Column("shortage", _COUNT, null=False, default=0),
    ),
)

NOUNS = (
    BIN,
    BIN_STOCK,
    STOCK_MOVEMENT,
    SUPPLIER,
    PURCHASE_ORDER,
    PURCHASE_ORDER_LINE,
    RECEIPT,
    RECEIPT_LINE,
    PICK_LIST,
    PICK_LIST_LINE,
)
