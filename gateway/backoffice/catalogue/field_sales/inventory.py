"""Field sales: inventory."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    GEO,
    ID,
    NAME,
    NOTES,
    QUANTITY,
    SIGNED,
    SUM,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import BOOKED, KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Email, Flag, Ref
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.nouns.selling import WAREHOUSE_STOCK
from gateway.backoffice.nouns.stockroom import SUPPLIER
from gateway.backoffice.profiles.field_sales import LINKS, META, PAGED
from gateway.backoffice.resource import Computed, Filter, Match, Operation
from gateway.backoffice.rules.field_sales import inventory, receiving, transfers

WAREHOUSE = sheet(
    "/warehouse",
    LINKS,
    "WarehouseSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "location": Part({"type": words("Point"), "coordinates": Many(GEO)}),
        "disabled": Cell(Flag(), find=True),
    },
    name="warehouse",
    rules=Rules(remove=inventory.remove_warehouse),
    meta=True,
)

SUPPLIERS = sheet(
    "/supplier",
    META,
    "Supplier",
    {
        "name": Cell(NAME, find=True),
        "email": Email(),
        "phone": NAME,
        "address": Document(),
        "disabled": Flag(),
    },
    name="supplier",
    noun=SUPPLIER,
    rules=Rules(inventory.create_supplier),
    meta=True,
)

INVENTORY_ADJUSTMENT_REASON = sheet(
    "/inventory-adjustment-reason",
    META,
    "InventoryAdjustmentReason",
    {
        "name": Cell(NAME, find=True),
        "type": words("increase", "decrease"),
        "disabled": Flag(),
    },
    name="inventory_adjustment_reason",
)

INVENTORY_ADJUSTMENT = sheet(
    "/adjust-inventory",
    META,
    "InventoryAdjustment",
    {
        "warehouse": Cell(Ref("warehouse"), also=("to",)),
        "rep": Cell(Ref("rep"), also=("creator", "creator._id")),
        "items": Many(
            Part(
                {
                    "product": Mention("product"),
                    "variant": Mention("variant"),
                    "adjustmentQuantity": SIGNED,
                    "reason": Mention("inventory_adjustment_reason"),
                }
            )
        ),
        "notes": NOTES,
        "status": own(NAME, find=True),
    },
    name="inventory_adjustment",
    rules=Rules(inventory.adjust),
    operations=BOOKED,
    dated=("createdAt",),
)

TRANSFER = sheet(
    "/transfer",
    PAGED,
    "TransferSchema",
    {
        "transferNumber": own(NAME),
        "fromWarehouse": first(Ref("warehouse"), must=True),
        "toWarehouse": first(Ref("warehouse"), must=True),
        "rep": first(Ref("rep")),
        "transferDate": own(Moment()),
        "expectedDate": Moment(),
        "completedDate": own(Moment()),
        "status": later(words("pending", "in_transit", "completed", "cancelled"), find=True),
        "items": Cell(
            Many(
                Part(
                    {
                        "product": Mention("product"),
                        "variant": Mention("variant"),
                        "requestedQuantity": QUANTITY,
                        "sentQuantity": QUANTITY,
                        "receivedQuantity": QUANTITY,
                        "unitCost": SUM,
                    }
                )
            ),
            must=True,
        ),
        "totalValue": own(SUM),
        "reason": first(NOTES),
        "notes": NOTES,
    },
    name="transfer",
    rules=Rules(transfers.create, transfers.change),
    operations=KEPT,
    meta=True,
    span="transferDate",
)

RECEIVING_MATERIAL = sheet(
    "/receiving-material",
    PAGED,
    "ReceivingMaterialSchema",
    {
        "warehouse": first(Ref("warehouse"), must=True),
        "supplier": first(Ref("supplier"), must=True),
        "rep": first(Ref("rep")),
        "receiptNumber": first(NAME),
        "receiptDate": Moment(),
        "items": Cell(
            Many(
                Part(
                    {
                        "product": Mention("product"),
                        "variant": Mention("variant"),
                        "expectedQuantity": QUANTITY,
                        "receivedQuantity": QUANTITY,
                        "unitCost": SUM,
                        "totalCost": SUM,
                    }
                )
            ),
            must=True,
        ),
        "totalAmount": own(SUM),
        "status": later(words("pending", "received", "cancelled"), find=True),
        "notes": NOTES,
    },
    name="receiving_material",
    rules=Rules(receiving.create, receiving.change),
    operations=KEPT,
    meta=True,
    span="receiptDate",
)

#: A projection of the movements; nobody writes it.
INVENTORY = sheet(
    "/inventory",
    META,
    "Inventory",
    {
        "product": Cell(Ref("product"), column="product_id"),
        "variant": Cell(Ref("variant"), column="variant_id"),
        "warehouse": Cell(Ref("warehouse"), column="warehouse_id"),
        "quantity": Cell(QUANTITY, find=True, also=("qty",)),
        "reservedQuantity": Cell(QUANTITY, column="reserved"),
        "cost": FINE,
    },
    name="inventory",
    noun=WAREHOUSE_STOCK,
    operations=frozenset({Operation.LIST}),
    members=(
        Computed(
            "availableQuantity",
            {"type": "integer"},
            lambda row: row.values["quantity"] - row.values["reserved"],
        ),
    ),
    filters=(
        Filter("warehouse_id", ("warehouse_id",), Match.ANY, ID),
        Filter("variant_id", ("variant_id",), Match.ANY, ID),
    ),
)

RESOURCES = (
    INVENTORY,
    WAREHOUSE,
    SUPPLIERS,
    INVENTORY_ADJUSTMENT_REASON,
    INVENTORY_ADJUSTMENT,
    TRANSFER,
    RECEIVING_MATERIAL,
)
NOUNS = nouns(*(r for r in RESOURCES if r not in {SUPPLIERS, INVENTORY}))
