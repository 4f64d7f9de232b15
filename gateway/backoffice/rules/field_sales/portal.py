"""Doors for clients to their work orders: entries with a code, and links with a token.

Codes and tokens are random; a new token ends the old one at once.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from html import escape

from gateway.backoffice.kinds import MAX_ID
from gateway.backoffice.profiles.field_sales import FIELD_SALES
from gateway.backoffice.reading import absent
from gateway.backoffice.records import Html
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.rules.pages import page
from gateway.backoffice.shop import Shop, Values

#: Behind the mount; the garage and the entry follow.
ENTRY_PATH = "/portal-entry"

#: The newest accesses that a link remembers.
_LOGGED = 100

ENTRIES = Machine(
    "portal entry",
    {
        "pending": ("in_progress", "completed", "cancelled"),
        "in_progress": ("completed", "cancelled", "pending"),
        "completed": (),
        "cancelled": (),
    },
)


def create_entry(shop: Shop, values: Values) -> int:
    """Open a work order to a client, with a code of their own."""
    code = secrets.token_urlsafe(9)
    values |= {"portal_access_code": code, "status": "pending", "access_count": 0}
    entry_id = shop.insert("portal_entry", values)
    path = f"{FIELD_SALES.mount}{ENTRY_PATH}/{shop.tenant_id:x}.{entry_id:x}"
    shop.change("portal_entry", entry_id, {"portal_url": f"{shop.home}{path}"})
    return entry_id


def set_status(shop: Shop, row: Values, values: Values) -> None:
    """Bring an entry into another state; raises ``Invalid`` for one that does not follow."""
    change_entry(shop, row, {"status": values["status"]})


def change_entry(shop: Shop, row: Values, values: Values) -> None:
    """Change an entry; its states follow each other as in :func:`set_status`."""
    ENTRIES.check(row["status"], values.get("status") or row["status"])
    shop.change("portal_entry", row["id"], values)
    if values.get("status", row["status"]) != row["status"]:
        _tell_client(shop, row | values)


def _tell_client(shop: Shop, row: Values) -> None:
    """Write to a client whose entry wants that about its changes."""
    wanted = row["notifications"] or {}
    client = shop.find("customer", id=row["client"])
    if not wanted.get("email_enabled") or client is None or not client["email"]:
        return
    if "status_change" in (wanted.get("notification_events") or ()):
        order = shop.get("field_order", row["workorder"])
        title = order["title"] or "Work order"
        text = f"<p>{escape(title)}: {escape(row['status'])}.</p>"
        queue_mail(shop, client["email"], f"{title}: {row['status']}", text)


def create_link(shop: Shop, values: Values) -> int:
    """Make a link to a work order."""
    stats = {"total_views": 0, "unique_visitors": 0, "access_log": []}
    link_id = shop.insert("portal_link", values | {"usage_stats": stats})
    shop.change("portal_link", link_id, _fresh(shop, link_id))
    return link_id


def regenerate(shop: Shop, row: Values, _: Values) -> None:
    """Give a link a new token; whoever has the old one is shut out."""
    shop.change("portal_link", row["id"], _fresh(shop, row["id"]))


def activate(shop: Shop, row: Values, _: Values) -> None:
    """Open a link; raises ``Invalid`` when its time is over."""
    if row["expiry_date"] is not None and row["expiry_date"] <= shop.now:
        raise broken_rule("This link has expired. Give it a later expiry_date first.")
    shop.change("portal_link", row["id"], {"is_active": True})


def deactivate(shop: Shop, row: Values, _: Values) -> None:
    """Close a link until it is activated again."""
    shop.change("portal_link", row["id"], {"is_active": False})


def _fresh(shop: Shop, link_id: int) -> Values:
    # Garage and row are in front, so that a visitor's link is found by its id.
    token = f"{shop.tenant_id:x}.{link_id:x}.{secrets.token_urlsafe(32)}"
    return {"link_token": token, "full_url": f"{shop.home}{FIELD_SALES.mount}/portal/{token}"}


def garage_of(token: str) -> tuple[int, int]:
    """Return the garage and the row that a token names; raises ``NotFound``."""
    tenant_id, _, rest = token.partition(".")
    try:
        found = int(tenant_id, 16), int(rest.partition(".")[0], 16)
    except ValueError:
        raise absent("page") from None
    if not all(0 < number <= MAX_ID for number in found):
        raise absent("page")
    return found


def visit(shop: Shop, link_id: int, token: str, address: str) -> Html:
    """Note that somebody came by a link, and return the page of the work order it leads to.

    Raises:
        NotFound: the token is not the link's, or the link is closed, expired, used up, or not
            for this address.
    """
    row = shop.lock("portal_link", link_id)
    if not hmac.compare_digest(row["link_token"].encode(), token.encode()):
        raise absent("page")
    order = _admitted(shop, row, address, shop.now)
    if not (row["permissions"] or {}).get("can_view_details", True):
        order = {"title": order["title"], "status": order["status"]}
    return page(order["title"] or "Work order", facts_of(order))


def facts_of(order: Values) -> str:
    """Return what clients see of a work order, as HTML."""
    shown = {name: order.get(name) for name in ("status", "priority", "description")}
    facts = (
        f"<dt>{name}</dt><dd>{escape(str(text))}</dd>" for name, text in shown.items() if text
    )
    return f"<dl>{''.join(facts)}</dl>"


def _admitted(shop: Shop, row: Values, address: str, now: datetime) -> Values:
    limits = row["access_restrictions"] or {}
    stats = row["usage_stats"]
    log = stats["access_log"]
    closed = not row["is_active"] or (row["expiry_date"] and row["expiry_date"] <= now)
    used_up = limits.get("max_uses") and stats["total_views"] >= limits["max_uses"]
    foreign = limits.get("allowed_ips") and address not in limits["allowed_ips"]
    # Passwords and verified addresses are kept by nobody here, so such links open to nobody.
    guarded = limits.get("password_protected") or limits.get("require_email_verification")
    if closed or used_up or foreign or guarded:
        raise absent("page")
    stamp = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    entry = {"timestamp": stamp, "ip_address": address, "action": "view"}
    seen = {one["ip_address"] for one in log} | {address}
    counted = {
        "total_views": stats["total_views"] + 1,
        "unique_visitors": max(stats["unique_visitors"], len(seen)),
        "last_accessed": stamp,
        "access_log": [*log, entry][-_LOGGED:],
    }
    shop.change("portal_link", row["id"], {"usage_stats": counted})
    wanted = row["notification_settings"] or {}
    recipients = wanted.get("notification_recipients") or []
    for recipient in recipients if wanted.get("notify_on_access") else []:
        queue_mail(shop, recipient, "A portal link was opened", f"<p>From {escape(address)}.</p>")
    return shop.get("field_order", row["workorder"])
