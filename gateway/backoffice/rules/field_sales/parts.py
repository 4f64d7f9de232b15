"""Parts of assets: how units come in, move between places, go back and lie on shelves."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.shop import Shop, Values

TRANSFERS = Machine(
    "transfer",
    {
        "requested": ("approved", "cancelled"),
        "approved": ("in-progress", "completed", "cancelled"),
        "in-progress": ("completed", "cancelled"),
        "completed": (),
        "cancelled": (),
    },
)

RETURNS = Machine(
    "return",
    {
        "requested": ("approved", "rejected"),
        "approved": ("in-transit", "received", "rejected"),
        "in-transit": ("received",),
        "received": ("processed", "completed"),
        "processed": ("completed",),
        "completed": (),
        "rejected": (),
    },
)


def create_receival(shop: Shop, values: Values) -> int:
    """Store what came in; each serial number becomes a unit.

    Raises:
        Unprocessable: more serial numbers than parts.
    """
    values |= _received(values)
    receival_id = shop.insert("asset_part_receival", values)
    _make_units(shop, values)
    return receival_id


def change_receival(shop: Shop, row: Values, values: Values) -> None:
    """Change a receival that is not complete; raises ``Invalid`` for one that is."""
    if row["status"] in {"complete", "cancelled"} and "items" in values:
        if values["items"] != row["items"]:
            raise broken_rule(f"This receival is {row['status']}: its items stay.")
        values.pop("items")
    merged = row | values
    values |= _received(merged)
    shop.change("asset_part_receival", row["id"], values)
    _make_units(shop, row | values)


def _received(values: Values) -> Values:
    """Return the state that follows from the quantities, and what everything is worth."""
    items = values["items"]
    for place, item in enumerate(items):
        if len(item.get("serialNumbers") or []) > (item.get("receivedQuantity") or 0):
            raise wrong_field(f"items.{place}.serialNumbers", "names more units than came in.")
    worth = sum((_cost(item) for item in items), Decimal(0))
    extra = (values.get("shipping_cost") or 0) + (values.get("tax_amount") or 0)
    total = worth + extra - (values.get("discount_amount") or 0)
    return {"status": _status(values), "total_value": max(Decimal(0), total)}


def _status(values: Values) -> str:
    if values.get("status") == "cancelled":
        return "cancelled"
    came = [item.get("receivedQuantity") or 0 for item in values["items"]]
    asked = [item.get("orderedQuantity") or 0 for item in values["items"]]
    if any(came) and all(one >= other for one, other in zip(came, asked, strict=True)):
        return "complete"
    return "partial" if any(came) else "pending"


def _cost(item: Values) -> Decimal:
    return Decimal(str(item.get("unitCost") or 0)) * int(item.get("receivedQuantity") or 0)


def _make_units(shop: Shop, values: Values) -> None:
    if values["status"] == "cancelled":
        return
    for item in values["items"]:
        part = int(item["assetPart"], 16) if item.get("assetPart") else None
        for serial in item.get("serialNumbers") or []:
            if part is None or shop.find("asset_part_unit", serial_number=serial) is not None:
                continue
            condition = item.get("condition", "new")
            unit = {
                "serial_number": serial,
                "asset_part": part,
                "batch_number": item.get("batchNumber"),
                "status": "available",
                "condition": "poor" if condition == "defective" else condition,
                "supplier": values["supplier"],
                "receipt_date": values["receival_date"],
            }
            if values.get("warehouse"):
                unit["location"] = {"warehouse": f"{values['warehouse']:024x}"}
            shop.insert("asset_part_unit", unit)


def create_transfer(shop: Shop, values: Values) -> int:
    """Store a transfer with the number of its parts."""
    return shop.insert("asset_part_transfer", values | _counted(values))


def change_transfer(shop: Shop, row: Values, values: Values) -> None:
    """Change a transfer; becoming completed moves its units."""
    status = values.get("status") or row["status"]
    TRANSFERS.check(row["status"], status)
    values |= _counted(row | values)
    shop.change("asset_part_transfer", row["id"], values)
    if status == "completed" and row["status"] != "completed":
        _arrive(shop, row | values)


def complete(shop: Shop, row: Values, _: Values) -> None:
    """Complete a transfer that is approved or on its way; raises ``Invalid`` for others."""
    if row["status"] not in {"approved", "in-progress"}:
        raise broken_rule(f"A transfer that is {row['status']} cannot be completed.")
    _arrive(shop, row)


def _arrive(shop: Shop, row: Values) -> None:
    arrived = {"status": "completed", "transfer_date": shop.now, "actual_arrival": shop.now}
    shop.change("asset_part_transfer", row["id"], arrived)
    for item in row["items"]:
        if item.get("assetPartUnit"):
            place = {"location": row["to_location"]}
            shop.change("asset_part_unit", int(item["assetPartUnit"], 16), place)


def _counted(values: Values) -> Values:
    return {"total_items": sum(item.get("quantity") or 1 for item in values["items"])}


def change_return(shop: Shop, row: Values, values: Values) -> None:
    """Change a return; completing it decides what becomes of the unit.

    Raises:
        Invalid: the state does not follow, or the replacement is not named yet.
    """
    status = values.get("status") or row["status"]
    RETURNS.check(row["status"], status)
    merged = row | values
    if status == "completed" and row["status"] != "completed":
        if merged["replacement_required"] and not merged["replacement_part_unit"]:
            raise broken_rule("Name the replacementPartUnit before completing this return.")
        _dispose(shop, merged)
    shop.change("asset_part_return", row["id"], values)


def _dispose(shop: Shop, values: Values) -> None:
    disposition = str((values["quality_inspection"] or {}).get("disposition"))
    outcome: Values = {"restock": {"status": "available"}, "scrap": {"status": "disposed"}}.get(
        disposition, {"status": "returned"}
    )
    if disposition == "restock" and values["return_location"]:
        outcome |= {"location": values["return_location"]}
    shop.change("asset_part_unit", values["asset_part_unit"], outcome)


def store(shop: Shop, values: Values) -> int:
    """Put a unit on a shelf; raises ``Invalid`` while it lies on another one."""
    for other in shop.where("asset_part_storage", asset_part_unit=values["asset_part_unit"]):
        if other["status"] in {"stored", "reserved", "allocated"}:
            raise broken_rule(f"This unit is stored already, under {other['storage_number']}.")
    values |= {"storage_history": [_entry(shop, "stored", values["stored_by"])]}
    if values.get("reserved_for"):
        values["status"] = "reserved"
    return shop.insert("asset_part_storage", values)


def change_storage(shop: Shop, row: Values, values: Values) -> None:
    """Change a storage record; moves, reservations and releases go into its history."""
    history = list(row["storage_history"] or [])
    by = str(values.get("stored_by", row["stored_by"]))
    if "location" in values and values["location"] != row["location"]:
        history.append(_entry(shop, "moved", by))
    if values.get("reserved_for") and not row["reserved_for"]:
        history.append(_entry(shop, "reserved", by))
        values.setdefault("status", "reserved")
    if values.get("last_inspection_date") not in {None, row["last_inspection_date"]}:
        history.append(_entry(shop, "inspected", by))
    if values.get("status") == "picked" and row["status"] != "picked":
        history.append(_entry(shop, "released", by))
    shop.change("asset_part_storage", row["id"], values | {"storage_history": history})


def _entry(shop: Shop, action: str, by: str) -> Values:
    stamp = shop.now.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"date": stamp, "action": action, "performedBy": by}
