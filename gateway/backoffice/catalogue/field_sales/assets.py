"""Field sales: assets."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import on_one, removal
from gateway.backoffice.catalogue.field_sales.cells import (
    FINE,
    NAME,
    NOTES,
    SUM,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import META, PAGING
from gateway.backoffice.resource import Filter, Input, Match
from gateway.backoffice.rules.field_sales import assets

ASSET_TYPE = sheet(
    "/asset-type",
    META,
    "AssetType",
    {
        "name": Cell(NAME, find=True),
        "description": NOTES,
        "category": NAME,
        "fields": Many(Document()),
        "disabled": Flag(),
    },
    name="asset_type",
)

ASSET = sheet(
    "/asset",
    META,
    "Asset",
    {
        "name": Cell(NAME, find=True),
        "serialNumber": NAME,
        "assetType": Cell(Ref("asset_type"), also=("asset_types",)),
        "client": Ref("customer"),
        "location": Document(),
        "status": NAME,
        "purchaseDate": Moment(),
        "warrantyExpiry": Moment(),
        "customFields": Document(),
    },
    name="asset",
    dated=("createdAt",),
    filters=(Filter("location", match=Match.HOLDS),),
)

ASSET_UNIT = sheet(
    "/asset-unit",
    PAGING,
    "AssetUnit",
    {
        "asset": first(Ref("asset"), must=True),
        "serial_number": Cell(NAME, must=True, unique=True),
        "barcode": NAME,
        "status": Cell(
            words("active", "maintenance", "retired", "disposed"), default="active", find=True
        ),
        "condition": Cell(words("excellent", "good", "fair", "poor"), default="good"),
        "location": Cell(NAME, find=True),
        "assigned_to": NAME,
        "purchase_date": Day(),
        "warranty_expiry": Day(),
        "last_maintenance": later(Moment()),
        "next_maintenance": later(Day()),
        "purchase_cost": SUM,
        "depreciation": Part(
            {
                "method": words("straight-line", "declining-balance", "sum-of-years"),
                "rate": FINE,
                "current_value": SUM,
            }
        ),
        "maintenance_history": own(
            Many(
                Part(
                    {
                        "date": Moment(),
                        "type": words("routine", "repair", "inspection", "upgrade"),
                        "description": NOTES,
                        "cost": SUM,
                        "performed_by": NAME,
                    }
                )
            )
        ),
        "notes": NOTES,
        "custom_fields": Document(),
        "disabled": Cell(Flag(), default=False),
    },
    name="asset_unit",
    rules=Rules(create=assets.create, change=assets.change),
)

RESOURCES = (
    ASSET_TYPE,
    ASSET,
    ASSET_UNIT,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    removal(ASSET_UNIT, "bulkDeleteAssetUnits"),
    on_one(
        ASSET_UNIT,
        "setAssetUnitStatus",
        "/{id}/status",
        assets.set_status,
        "Bring a unit into another state",
        method="PATCH",
        inputs=(
            Input("status", words("active", "maintenance", "retired", "disposed"), required=True),
            Input("reason", NOTES),
            Input("notes", NOTES),
        ),
    ),
)
