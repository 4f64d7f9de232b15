"""Parcels: what UPS is told, and what its answers mean."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.backoffice.refusal import Upstream, broken_rule, wrong_field
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.notices import notify
from gateway.backoffice.rules.work_orders import record
from gateway.backoffice.shop import Shop, Values

#: How long an answer about a parcel is good.
TRACKED_FOR = timedelta(minutes=5)


def sender(shop: Shop) -> Values:
    """Return where parcels go out from: the first branch.

    Raises:
        Invalid: no branch has an address.
    """
    branch = next((one for one in shop.where("branch", active=True) if one["address"]), None)
    if branch is None:
        raise broken_rule("No branch has an address. Enter one as: street 1, 1234 AB Town.")
    street, _, place = branch["address"].partition(",")
    words = place.split()
    postal = "".join(words[:2]) if len(words) > 2 else "".join(words[:1])
    return {
        "name": garage_name(shop)[:35],
        "address": street.strip()[:35],
        "postal": postal,
        "city": " ".join(words[2:] or words[1:])[:30],
        "country": "NL",
    }


def request(account: str, home: Values, values: Values) -> dict[str, object]:
    """Return the shipment as UPS takes it; a return label swaps the two ends."""
    away = {
        "name": values["ship_to_name"],
        "address": values["ship_to_address"],
        "postal": values["ship_to_postal"],
        "city": values["ship_to_city"],
        "country": values.get("ship_to_country") or "NL",
    }
    start, end = (away, home) if values.get("is_return") else (home, away)
    weight = values.get("weight") or Decimal(1)
    package = {
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "KGS"}, "Weight": f"{weight:.1f}"},
    }
    charge = {"Type": "01", "BillShipper": {"AccountNumber": account}}
    shipment = {
        "Shipper": _party(home) | {"ShipperNumber": account},
        "ShipFrom": _party(start),
        "ShipTo": _party(end),
        "PaymentInformation": {"ShipmentCharge": [charge]},
        "Service": {"Code": "11"},
        "Package": [package],
    }
    label = {"LabelImageFormat": {"Code": "GIF"}}
    return {"ShipmentRequest": {"Shipment": shipment, "LabelSpecification": label}}


def _party(end: Values) -> dict[str, object]:
    address = {
        "AddressLine": [end["address"]],
        "City": end["city"],
        "PostalCode": end["postal"],
        "CountryCode": end["country"],
    }
    return {"Name": end["name"], "Address": address}


# Any below: JSON of UPS.
def label_of(reply: Mapping[str, Any]) -> tuple[str, bytes, Decimal | None]:
    """Return tracking number, image and price; raises ``Upstream`` when they are not there."""
    try:
        results = reply["ShipmentResponse"]["ShipmentResults"]
        package = results["PackageResults"]
        package = package[0] if isinstance(package, list) else package
        image = base64.b64decode(package["ShippingLabel"]["GraphicImage"], validate=True)
        number = str(package["TrackingNumber"])[:32]
    except (KeyError, IndexError, TypeError, binascii.Error, ValueError):
        raise Upstream("UPS answered without a label.") from None
    try:
        cost = Decimal(results["ShipmentCharges"]["TotalCharges"]["MonetaryValue"])
    except (KeyError, TypeError, InvalidOperation):
        return number, image, None
    return number, image, cost


def refusal_of(reply: Any) -> str:
    """Return what UPS says is wrong."""
    try:
        return str(reply["response"]["errors"][0]["message"])[:200]
    except (KeyError, IndexError, TypeError):
        return "UPS refused without saying why."


def check_order(shop: Shop, order_id: int | None) -> None:
    """Refuse an order that is not there; raises ``Unprocessable``."""
    if order_id is not None and shop.find("work_order", id=order_id) is None:
        raise wrong_field("work_order_id", "is invalid.")


def store(shop: Shop, values: Values, number: str, label: bytes, cost: Decimal | None) -> int:
    """Keep a label, and tell the order's trail."""
    order_id = values.get("work_order_id")
    row: Values = {"tracking_number": number, "image": label, "shipping_cost": cost}
    row |= {"work_order_id": order_id, "is_return": bool(values.get("is_return"))}
    label_id = shop.insert("shipping_label", row)
    if order_id is not None:
        record(shop, order_id, "note_added", f"UPS label {number}")
    return label_id


def tracking_of(reply: Any) -> Values:
    """Return status and activities, the newest first."""
    try:
        package = reply["trackResponse"]["shipment"][0]["package"][0]
        events = [_activity(one) for one in package.get("activity") or []]
    except (KeyError, IndexError, TypeError, ValueError):
        raise Upstream("UPS answered without a parcel.") from None
    events.sort(key=lambda event: str(event["date"]), reverse=True)
    current = package.get("currentStatus") or {}
    status = str(current.get("description") or (events[0]["description"] if events else "Unknown"))
    return {"status": status, "activities": events}


def _activity(event: Any) -> Values:
    address = (event.get("location") or {}).get("address") or {}
    place = ", ".join(str(address[k]) for k in ("city", "country") if address.get(k))
    day = str(event["date"])
    when = date(int(day[:4]), int(day[4:6]), int(day[6:8])).isoformat()
    text = str((event.get("status") or {}).get("description") or "")
    return {"location": place, "description": text, "date": when}


def note_tracking(shop: Shop, label: Values, tracking: Values) -> None:
    """Keep where a parcel is; the engineer hears of its arrival once."""
    before = (label["tracking"] or {}).get("status", "")
    now = str(tracking["status"])
    shop.change("shipping_label", label["id"], {"tracking": tracking, "tracked_at": shop.now})
    if "delivered" in now.lower() and "delivered" not in before.lower() and label["work_order_id"]:
        order = shop.get("work_order", label["work_order_id"])
        title = f"Parcel {label['tracking_number']} was delivered"
        link = f"/work-orders/{order['id']}"
        notify(shop, [order["assigned_to"]], "wo_status_changed", title, title, link)
