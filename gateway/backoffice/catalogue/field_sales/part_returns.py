"""Field sales: part returns."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    MONEY,
    NAME,
    NOTES,
    SUM,
    URL,
    Cell,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.profiles.field_sales import OFFSET
from gateway.backoffice.rules.field_sales import parts

ASSET_PART_RETURN = sheet(
    "/return-asset-part-unit",
    OFFSET,
    "ReturnAssetPartUnit",
    {
        "returnNumber": Cell(NAME, must=True, unique=True),
        "assetPartUnit": Cell(Ref("asset_part_unit"), must=True),
        "serialNumber": NAME,
        "returnType": Cell(
            words("warranty", "defective", "excess", "end-of-lease", "maintenance"), must=True
        ),
        "returnReason": Cell(NAME, must=True),
        "returnedBy": Cell(NAME, must=True),
        "authorizedBy": NAME,
        "returnDate": Moment(),
        "requestDate": Moment(),
        "originalInstallDate": Moment(),
        "originalWorkOrder": Ref("field_order"),
        "originalAsset": Ref("asset"),
        "status": Cell(
            words(
                "requested",
                "approved",
                "in-transit",
                "received",
                "processed",
                "completed",
                "rejected",
            ),
            default="requested",
        ),
        "condition": words("new", "good", "fair", "poor", "damaged", "defective"),
        "returnLocation": Part(
            {"warehouse": Mention("warehouse"), "section": NAME, "shelf": NAME, "position": NAME}
        ),
        "supplier": Ref("supplier"),
        "creditAmount": MONEY,
        "currency": NAME,
        "replacementRequired": Cell(Flag(), default=False),
        "replacementPartUnit": Ref("asset_part_unit"),
        "warrantyStatus": words("in-warranty", "out-of-warranty", "extended-warranty"),
        "qualityInspection": Part(
            {
                "performed": Flag(),
                "inspectedBy": NAME,
                "inspectionDate": Moment(),
                "findings": NOTES,
                "disposition": words("scrap", "rework", "return-to-supplier", "restock"),
            }
        ),
        "documents": Many(
            Part(
                {
                    "name": NAME,
                    "url": URL,
                    "type": words("return-authorization", "photo", "inspection-report", "other"),
                }
            )
        ),
        "notes": NOTES,
        "metadata": Document(),
    },
    name="asset_part_return",
    rules=Rules(change=parts.change_return),
)

ASSET_PART_STORAGE = sheet(
    "/store-asset-part-unit",
    OFFSET,
    "StoreAssetPartUnit",
    {
        "storageNumber": Cell(NAME, must=True, unique=True),
        "assetPartUnit": Cell(Ref("asset_part_unit"), must=True),
        "serialNumber": NAME,
        "storageType": Cell(
            words("inventory", "spare", "buffer", "quarantine", "maintenance"), must=True
        ),
        "storageReason": NAME,
        "storedBy": Cell(NAME, must=True),
        "authorizedBy": NAME,
        "storageDate": Moment(),
        "expectedRetrievalDate": Moment(),
        "location": Cell(
            Part(
                {
                    "warehouse": Mention("warehouse"),
                    "section": NAME,
                    "shelf": NAME,
                    "position": NAME,
                    "bin": NAME,
                    "coordinates": Part({"x": SUM, "y": SUM, "z": SUM}),
                }
            ),
            must=True,
        ),
        "status": Cell(
            words("stored", "reserved", "allocated", "picked", "expired"), default="stored"
        ),
        "condition": words("new", "good", "fair", "poor", "damaged"),
        "storageEnvironment": Part(
            {
                "temperature": Part(
                    {"min": SUM, "max": SUM, "unit": words("celsius", "fahrenheit")}
                ),
                "humidity": Part({"min": SUM, "max": SUM}),
                "specialRequirements": Many(
                    words("dry", "cool", "dark", "ventilated", "climate-controlled")
                ),
            }
        ),
        "preservationMethod": Cell(
            words("none", "plastic-wrap", "desiccant", "vacuum-seal", "oil-coating"),
            default="none",
        ),
        "lastInspectionDate": Moment(),
        "nextInspectionDate": Moment(),
        "reservedFor": Part(
            {
                "workOrder": Mention("field_order"),
                "asset": Mention("asset"),
                "project": NAME,
                "reservationDate": Moment(),
                "reservedBy": NAME,
            }
        ),
        "tags": Many(NAME),
        "barcode": NAME,
        "qrCode": NAME,
        "weight": MONEY,
        "dimensions": Part(
            {
                "length": MONEY,
                "width": MONEY,
                "height": MONEY,
                "unit": words("mm", "cm", "m", "inch", "ft"),
            }
        ),
        "storageHistory": own(
            Many(
                Part(
                    {
                        "date": Moment(),
                        "action": words("stored", "moved", "inspected", "reserved", "released"),
                        "performedBy": NAME,
                        "fromLocation": NAME,
                        "toLocation": NAME,
                        "notes": NOTES,
                    }
                )
            )
        ),
        "notes": NOTES,
        "metadata": Document(),
    },
    name="asset_part_storage",
    rules=Rules(parts.store, parts.change_storage),
)

RESOURCES = (
    ASSET_PART_RETURN,
    ASSET_PART_STORAGE,
)
NOUNS = nouns(*RESOURCES)
