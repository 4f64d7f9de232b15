"""Notices to the people at the desk, by the channels that each of them chose.

The row is written in the transaction that gives the reason; mail is queued in it and goes out
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from sqlalchemy import update

from gateway.backoffice.access import ADMINS
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values

CHANNELS = ("in_app", "email", "push")

#: Group -> key -> label. The group also decides the type of the row.
EVENTS: Mapping[str, Mapping[str, str]] = {
    "work_orders": {
        "wo_status_changed": "The status of a work order changed",
        "wo_assigned": "A work order was assigned to me",
    },
    "invoices": {
        "invoice_overdue": "An invoice is overdue",
        "invoice_paid": "An invoice was paid",
    },
    "tasks": {"task_assigned": "A task was assigned to me"},
    "sla": {"sla_breached": "A service level was missed"},
    "system": {
        "stock_low": "A product is below its minimum",
        "leave_requested": "Somebody asks for leave",
        "leave_decided": "My leave was decided on",
        "automation": "Notices of automation rules",
        "sending_failed": "Something could not be sent",
        "mailbox_trouble": "Letters could not be brought in",
    },
}

#: Whoever chose nothing sees it in the application.
_DEFAULT = ["in_app"]

_TYPES = {
    "work_orders": "work_order",
    "invoices": "invoice",
    "tasks": "task",
    "sla": "sla",
    "system": "system",
}

_GROUPS = {key: group for group, keys in EVENTS.items() for key in keys}


def notify(
    shop: Shop, user_ids: Iterable[int | None], key: str, title: str, body: str, link: str = ""
) -> None:
    """Tell users of an event, each by their channels; whoever caused it needs no telling."""
    for user_id in sorted({one for one in user_ids if one is not None and one != shop.user_id}):
        user = shop.find("shop_user", id=user_id)
        if user is not None:
            _tell(shop, user, key, title, body, link)


def notify_admins(shop: Shop, key: str, title: str, body: str, link: str = "") -> None:
    """Tell those who run the garage, whoever caused it."""
    for user in shop.where("shop_user"):
        if user["role"] in ADMINS - {"api"}:
            _tell(shop, user, key, title, body, link)


def _tell(shop: Shop, user: Values, key: str, title: str, body: str, link: str) -> None:
    channels = channels_of(shop, user["id"], key)
    if "in_app" in channels:
        kind = _TYPES[_GROUPS[key]]
        put(shop, user["id"], kind, title, body, link)
    if "email" in channels:
        queue_mail(shop, user["email"], title, f"<p>{escape(body)}</p>")


def put(shop: Shop, user_id: int, kind: str, title: str, body: str, link: str = "") -> int:
    """Store a notice and return its id."""
    row = {"user_id": user_id, "type": kind, "title": title[:255], "body": body}
    return shop.insert("notification", row | {"link": link[:255] or None})


def channels_of(shop: Shop, user_id: int, key: str) -> list[str]:
    """Return the channels that a user wants for an event."""
    row = shop.find("notification_preference", user_id=user_id, key=key)
    return list(_DEFAULT if row is None else row["channels"])


def mark_read(shop: Shop, row: Values, _: Values) -> None:
    """Note that a notice was read; the first time counts."""
    if row["read_at"] is None:
        shop.change("notification", row["id"], {"read_at": shop.now})


def mark_all_read(shop: Shop, _: Values) -> object:
    """Note that all of the caller's notices were read, and say how many were not."""
    table = shop.tables["notification"]
    mine = [*shop.visible(table), table.c.user_id == shop.user_id, table.c.read_at.is_(None)]
    stamp = {"read_at": shop.now, "updated_at": shop.now}
    count = shop.connection.execute(update(table).where(*mine).values(**stamp)).rowcount
    return {"message": f"{count} notifications marked as read.", "count": count}


def count_unread(shop: Shop, _: Values) -> object:
    """Say how many of the caller's notices are unread."""
    return {"count": shop.count("notification", user_id=shop.user_id, read_at=None)}


def preferences(shop: Shop, _: Values) -> object:
    """Return the caller's channels for every event, by group."""
    rows = shop.where("notification_preference", user_id=shop.user_id)
    chosen = {row["key"]: row["channels"] for row in rows}
    return {
        group: [
            {"key": key, "label": label, "channels": chosen.get(key, _DEFAULT)}
            for key, label in keys.items()
        ]
        for group, keys in EVENTS.items()
    }


def set_preferences(shop: Shop, values: Values) -> object:
    """Change the caller's channels for the events that are named.

    Raises:
        Unprocessable: an event or a channel is unknown.
    """
    for key, channels in values["preferences"].items():
        if key not in _GROUPS:
            raise wrong_field(f"preferences.{key}", "is no event.")
        if not isinstance(channels, list) or not set(map(str, channels)) <= set(CHANNELS):
            raise wrong_field(f"preferences.{key}", f"takes a list of {', '.join(CHANNELS)}.")
        wanted = [channel for channel in CHANNELS if channel in channels]
        present = shop.find("notification_preference", user_id=shop.user_id, key=key)
        if present is None:
            row = {"user_id": shop.user_id, "key": key, "channels": wanted}
            shop.insert("notification_preference", row)
        else:
            shop.change("notification_preference", present["id"], {"channels": wanted})
    return preferences(shop, {})


def send_test(shop: Shop, values: Values) -> object:
    """Deliver a notice by one channel.

    Raises:
        Invalid: push, because nobody can subscribe to it here.
    """
    title, text = "Test notification", "This is what notifications look like."
    user = shop.get("shop_user", shop.user_id or 0)
    match values["channel"]:
        case "in_app":
            put(shop, user["id"], "system", title, text)
        case "email":
            queue_mail(shop, user["email"], title, f"<p>{text}</p>")
        case _:
            raise broken_rule("You have no push subscription. Choose in_app or email.")
    return {"message": f"A test went out by {values['channel']}."}
