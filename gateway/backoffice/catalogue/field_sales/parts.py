"""Field sales: parts."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import on_one
from gateway.backoffice.catalogue.field_sales.cells import (
    MONEY,
    NAME,
    NOTES,
    SUM,
    URL,
    Cell,
    ids,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.profiles.field_sales import OFFSET
from gateway.backoffice.rules.field_sales import parts

ASSET_PART_TYPE = sheet(
    "/asset-part-type",
    OFFSET,
    "AssetPartType",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "category": Cell(NAME, must=True),
        "subcategory": NAME,
        "specifications": Document(),
        "compatibleAssetTypes": ids("asset_type"),
        "maintenanceSchedule": Part(
            {
                "frequency": words("daily", "weekly", "monthly", "quarterly", "annually"),
                "intervalDays": Whole(1),
                "description": NOTES,
            }
        ),
        "warrantPeriod": Whole(),
        "supplier": Ref("supplier"),
        "standardCost": MONEY,
        "isActive": Cell(Flag(), default=True),
        "metadata": Document(),
    },
    name="asset_part_type",
)

ASSET_PART = sheet(
    "/asset-part",
    OFFSET,
    "AssetPart",
    {
        "partNumber": Cell(NAME, must=True, unique=True),
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "partType": Cell(Ref("asset_part_type"), must=True),
        "manufacturer": NAME,
        "model": NAME,
        "specifications": Document(),
        "compatibleAssets": ids("asset"),
        "supplier": Ref("supplier"),
        "cost": MONEY,
        "currency": NAME,
        "minStockLevel": Whole(0),
        "maxStockLevel": Whole(0),
        "reorderPoint": Whole(0),
        "leadTime": Whole(),
        "warrantyPeriod": Whole(),
        "category": NAME,
        "subcategory": NAME,
        "isActive": Cell(Flag(), default=True),
        "barcode": NAME,
        "qrCode": NAME,
        "images": Many(URL),
        "documents": Many(
            Part(
                {
                    "name": NAME,
                    "url": URL,
                    "type": words("manual", "specification", "certificate", "warranty"),
                }
            )
        ),
        "metadata": Document(),
    },
    name="asset_part",
)

ASSET_PART_UNIT = sheet(
    "/asset-part-unit",
    OFFSET,
    "AssetPartUnit",
    {
        "serialNumber": Cell(NAME, must=True),
        "assetPart": Cell(Ref("asset_part"), must=True),
        "batchNumber": NAME,
        "lotNumber": NAME,
        "manufactureDate": Day(),
        "expiryDate": Day(),
        "receiptDate": Moment(),
        "status": Cell(
            words("available", "reserved", "in-use", "maintenance", "disposed", "returned"),
            must=True,
            default="available",
        ),
        "condition": Cell(words("new", "good", "fair", "poor", "damaged"), default="new"),
        "location": Part(
            {"warehouse": Mention("warehouse"), "section": NAME, "shelf": NAME, "position": NAME}
        ),
        "assignedTo": Part(
            {
                "asset": Mention("asset"),
                "workOrder": Mention("field_order"),
                "technician": NAME,
                "date": Moment(),
            }
        ),
        "installationDate": Moment(),
        "lastMaintenanceDate": Moment(),
        "nextMaintenanceDate": Moment(),
        "warrantyExpiry": Day(),
        "cost": MONEY,
        "supplier": Ref("supplier"),
        "purchaseOrder": NAME,
        "invoice": NAME,
        "notes": NOTES,
        "maintenanceHistory": own(
            Many(
                Part(
                    {
                        "date": Moment(),
                        "type": words("inspection", "repair", "replacement", "upgrade"),
                        "description": NOTES,
                        "technician": NAME,
                        "cost": SUM,
                    }
                )
            )
        ),
        "customFields": Document(),
        "metadata": Document(),
    },
    name="asset_part_unit",
)

ASSET_PART_RECEIVAL = sheet(
    "/asset-part-receival",
    OFFSET,
    "AssetPartReceival",
    {
        "receivalNumber": Cell(NAME, must=True, unique=True),
        "purchaseOrder": NAME,
        "supplier": Cell(Ref("supplier"), must=True),
        "receivalDate": Cell(Moment(), must=True),
        "expectedDate": Moment(),
        "receivedBy": NAME,
        "warehouse": Ref("warehouse"),
        "status": Cell(words("pending", "partial", "complete", "cancelled"), default="pending"),
        "items": Cell(
            Many(
                Part(
                    {
                        "assetPart": Mention("asset_part"),
                        "orderedQuantity": Whole(1),
                        "receivedQuantity": Whole(0),
                        "unitCost": MONEY,
                        "totalCost": MONEY,
                        "condition": words("new", "good", "damaged", "defective"),
                        "batchNumber": NAME,
                        "serialNumbers": Many(NAME),
                        "expiryDate": Day(),
                        "notes": NOTES,
                    }
                )
            ),
            must=True,
        ),
        "totalValue": MONEY,
        "currency": NAME,
        "shippingCost": MONEY,
        "taxAmount": MONEY,
        "discountAmount": MONEY,
        "invoice": Part({"number": NAME, "date": Day(), "amount": MONEY}),
        "qualityCheck": Part(
            {
                "performed": Flag(),
                "checkedBy": NAME,
                "checkDate": Moment(),
                "passed": Flag(),
                "notes": NOTES,
            }
        ),
        "documents": Many(
            Part(
                {
                    "name": NAME,
                    "url": URL,
                    "type": words("invoice", "packing-slip", "quality-certificate", "photo"),
                }
            )
        ),
        "notes": NOTES,
        "metadata": Document(),
    },
    name="asset_part_receival",
    rules=Rules(parts.create_receival, parts.change_receival),
)

ASSET_PART_TRANSFER = sheet(
    "/asset-part-transfer",
    OFFSET,
    "AssetPartTransfer",
    {
        "transferNumber": Cell(NAME, must=True, unique=True),
        "fromLocation": Cell(
            Part(
                {
                    "warehouse": Mention("warehouse"),
                    "section": NAME,
                    "shelf": NAME,
                    "position": NAME,
                }
            ),
            must=True,
        ),
        "toLocation": Cell(
            Part(
                {
                    "warehouse": Mention("warehouse"),
                    "section": NAME,
                    "shelf": NAME,
                    "position": NAME,
                }
            ),
            must=True,
        ),
        "requestedBy": Cell(NAME, must=True),
        "approvedBy": NAME,
        "transferredBy": NAME,
        "requestDate": Moment(),
        "approvalDate": Moment(),
        "transferDate": Moment(),
        "scheduledDate": Moment(),
        "status": Cell(
            words("requested", "approved", "in-progress", "completed", "cancelled"),
            default="requested",
        ),
        "priority": Cell(words("low", "medium", "high", "urgent"), default="medium"),
        "reason": NOTES,
        "items": Cell(
            Many(
                Part(
                    {
                        "assetPartUnit": Mention("asset_part_unit"),
                        "assetPart": Mention("asset_part"),
                        "serialNumber": NAME,
                        "quantity": Whole(1),
                        "condition": words("new", "good", "fair", "poor", "damaged"),
                        "notes": NOTES,
                    }
                )
            ),
            must=True,
        ),
        "totalItems": Whole(0),
        "transportMethod": Cell(
            words("manual", "vehicle", "courier", "automated"), default="manual"
        ),
        "carrier": NAME,
        "trackingNumber": NAME,
        "estimatedArrival": Moment(),
        "actualArrival": Moment(),
        "cost": MONEY,
        "currency": NAME,
        "documents": Many(
            Part(
                {
                    "name": NAME,
                    "url": URL,
                    "type": words("transfer-order", "receipt", "photo", "other"),
                }
            )
        ),
        "notes": NOTES,
        "metadata": Document(),
    },
    name="asset_part_transfer",
    rules=Rules(parts.create_transfer, parts.change_transfer),
)

RESOURCES = (
    ASSET_PART_TYPE,
    ASSET_PART,
    ASSET_PART_UNIT,
    ASSET_PART_RECEIVAL,
    ASSET_PART_TRANSFER,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    on_one(
        ASSET_PART_TRANSFER,
        "completeAssetPartTransfer",
        "/{id}/complete",
        parts.complete,
        "Complete a transfer of parts",
    ),
)
