"""Parcels (contracts/repair.yaml, UPS Shipping)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import trio

from gateway.backoffice.action import Call, Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import DAY, TEXT, listed, members
from gateway.backoffice.checks import ups_token
from gateway.backoffice.kinds import Flag, Identifier, Number, Text
from gateway.backoffice.nouns.messages import SHIPPING_LABEL
from gateway.backoffice.outside import Reply
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.reading import absent, show
from gateway.backoffice.records import File
from gateway.backoffice.refusal import Upstream, broken_rule
from gateway.backoffice.resource import Computed, Field, Input, Shape
from gateway.backoffice.rules import integrations, press, shipping
from gateway.backoffice.shop import Shop, Values

LABEL = Shape(
    "ShippingLabel",
    SHIPPING_LABEL,
    (
        Field("id"),
        Field("tracking_number"),
        Computed("label_url", TEXT, lambda row: f"{REPAIR.mount}/ups/labels/{row.values['id']}"),
        Field("label_format"),
        Field("shipping_cost"),
        Field("work_order_id"),
        Field("is_return"),
        Field("created_at"),
    ),
)

_MODULE = "shipping"


# Any: the body as UPS takes it.
async def _ups(call: Call, method: str, path: str, json: Any = None) -> Reply:
    """Ask UPS on the garage's account; raises ``Invalid`` for what it refuses."""
    sealer = call.outside.sealer
    settings = await call.read(lambda shop: integrations.enabled(shop, sealer, "ups"))
    token = await ups_token(call.outside, settings)
    place = "ups_test" if settings.get("environment") == "test" else "ups"
    headers = {"Authorization": f"Bearer {token}", "transactionSrc": "gateway"}
    url = call.outside.address(place) + path
    reply = await call.outside.ask(method, url, json=json, headers=headers)
    if 400 <= reply.status < 500 and reply.status != 404:
        raise broken_rule(shipping.refusal_of(reply.document))
    if not reply.ok and reply.status != 404:
        raise Upstream(f"UPS answered with status {reply.status}.")
    return reply


async def _create(call: Call) -> object:
    values, sealer = call.values, call.outside.sealer
    await call.read(lambda shop: shipping.check_order(shop, values.get("work_order_id")))
    settings = await call.read(lambda shop: integrations.enabled(shop, sealer, "ups"))
    home = await call.read(shipping.sender)
    body = shipping.request(settings["account_number"], home, values)
    reply = await _ups(call, "POST", "/api/shipments/v2409/ship", body)
    number, image, cost = shipping.label_of(reply.document or {})
    label = await trio.to_thread.run_sync(press.image_pdf, image)

    def keep(shop: Shop) -> object:
        label_id = shipping.store(shop, values, number, label, cost)
        return show(shop, LABEL, shop.get("shipping_label", label_id))

    return await call.write(keep)


async def _track(call: Call) -> object:
    number = call.path["tracking_number"]
    label = await call.read(lambda shop: shop.find("shipping_label", tracking_number=number))
    if label is None:
        raise absent("parcel")
    fresh_since = call.services.clock() - shipping.TRACKED_FOR
    if label["tracked_at"] is not None and label["tracked_at"] > fresh_since:
        return label["tracking"]
    path = f"/api/track/v1/details/{quote(number, safe='')}"
    reply = await _ups(call, "GET", path)
    if reply.status == 404:
        raise absent("parcel")
    tracking = shipping.tracking_of(reply.document)
    await call.write(lambda shop: shipping.note_tracking(shop, label, tracking))
    return tracking


def _download(shop: Shop, values: Values) -> object:
    row = shop.get("shipping_label", values["id"])
    if row["image"] is None or row["voided_at"] is not None:
        raise absent("label")
    return File(f"{row['tracking_number']}.pdf", "application/pdf", row["image"])


async def _void(call: Call) -> object:
    label_id = call.id()
    row = await call.read(lambda shop: shop.get("shipping_label", label_id))
    if row["voided_at"] is not None:
        raise broken_rule("This label is void already.")
    number = quote(row["tracking_number"], safe="")
    await _ups(call, "DELETE", f"/api/shipments/v2409/void/cancel/{number}")
    now = call.services.clock()
    await call.write(lambda shop: shop.change("shipping_label", label_id, {"voided_at": now}))
    return None


_SECTION = Section(REPAIR, "shipping", module=_MODULE)

ACTIONS = (
    _SECTION.action(
        "POST",
        "createUpsLabel",
        "/ups/labels",
        "Buy a label",
        LABEL,
        _create,
        inputs=(
            Input("ship_to_name", Text(35), required=True),
            Input("ship_to_address", Text(35), required=True),
            Input("ship_to_city", Text(30), required=True),
            Input("ship_to_postal", Text(16), required=True),
            Input("ship_to_country", Text(2, pattern="^[A-Z]{2}$")),
            Input("work_order_id", Identifier()),
            Input("is_return", Flag()),
            Input("weight", Number(1, Decimal(0), Decimal(70), above_minimum=True)),
        ),
        status=201,
        aliases=("/ups/shipments", "/ups/label"),
    ),
    _SECTION.action(
        "GET",
        "trackUps",
        "/ups/track/{tracking_number}",
        "Where a parcel is",
        members(
            status=TEXT,
            activities=listed(members(location=TEXT, description=TEXT, date=DAY)),
        ),
        _track,
        aliases=("/ups/tracking/{tracking_number}",),
    ),
    _SECTION.action(
        "GET",
        "downloadUpsLabel",
        "/ups/labels/{id}",
        "A label as PDF",
        {"type": "string", "format": "binary"},
        in_shop(_download, writes=False),
        media="application/pdf",
    ),
    _SECTION.action(
        "DELETE", "voidUpsLabel", "/ups/labels/{id}", "Give a label back", None, _void, status=204
    ),
)
