"""The garage itself as the planner shows it, how it plans, and the way to its pages."""

from __future__ import annotations

from html import escape

from sqlalchemy import select

from gateway.backoffice.nouns.planning import PLANNER_SETTING
from gateway.backoffice.records import Html
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.planner import scheduling
from gateway.backoffice.shop import Shop, Values
from gateway.storage.tables.identity import tenant

#: Pages that may be named -> what of this API shows the same. Others lead to the first.
PAGES = {
    "": "company",
    "appointments": "appointment",
    "clients": "client",
    "invoices": "invoice",
    "items": "item",
    "settings": "company",
    "users": "user",
}


def show(shop: Shop, _: Values) -> Values:
    """Return the garage and how it plans."""
    plan = scheduling.settings(shop)
    plan["drive_speed"] = int(plan["drive_speed"])
    return {"id": shop.tenant_id, "name": name_of(shop), "settings": plan}


def name_of(shop: Shop) -> str:
    """Return the garage's name."""
    mine = select(tenant.c.name).where(tenant.c.id == shop.tenant_id)
    return str(shop.connection.execute(mine).scalar_one())


def change(shop: Shop, values: Values) -> Values:
    """Change how the garage plans; what is left out stays.

    Raises:
        Unprocessable: it would close before it opens, or something is empty that must not be.
    """
    for column in PLANNER_SETTING.columns:
        if not column.null and values.get(column.name, column.default) is None:
            raise wrong_field(column.name, "must not be null.")
    plan = scheduling.settings(shop) | values
    if plan["closes_at"] <= plan["opens_at"]:
        raise wrong_field("closes_at", "must be after opens_at.")
    row_id = scheduling.hold(shop)
    if values:
        shop.change("planner_setting", row_id, values)
    return show(shop, values)


def redirect(shop: Shop, page: str, mount: str) -> Html:
    """Return the way to a page of the garage's web application, or to the same data here."""
    known = page if page in PAGES else ""
    app = scheduling.settings(shop)["app_url"]
    target = f"{app.rstrip('/')}/{known}" if app else f"{mount}/{PAGES[known]}"
    quoted = escape(target)
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="0;url=\'{quoted}\'">'
        f"<title>Redirecting</title></head>"
        f'<body>Redirecting to <a href="{quoted}">{quoted}</a>.</body></html>'
    )
    return Html(text, 302, target)
