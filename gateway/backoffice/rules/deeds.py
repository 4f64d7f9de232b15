"""What automation rules can do, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from gateway.backoffice.nouns import STATUSES
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules import tasks, work_orders
from gateway.backoffice.rules.notices import notify, notify_admins
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.rules.texting import queue_sms
from gateway.backoffice.rules.wording import fill, words_of
from gateway.backoffice.shop import Shop, Values

# Any: JSON that somebody typed in; each deed reads what it needs.
Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """One kind of action.

    Attributes:
        needs: parameters without which it makes no sense.
        run: does it: (shop, noun of the record, record, parameters).
    """

    needs: frozenset[str]
    run: Callable[[Shop, str, Values, Params], None]


def _order(shop: Shop, noun: str, record: Values) -> Values:
    order_id = record["id"] if noun == "work_order" else record.get("work_order_id")
    if order_id is None:
        raise broken_rule("The record belongs to no work order.")
    return shop.get("work_order", order_id)


def _change_status(shop: Shop, noun: str, record: Values, params: Params) -> None:
    order = _order(shop, noun, record)
    if params["status"] not in STATUSES:
        raise broken_rule(f"There is no status {params['status']}.")
    work_orders.change_order(shop, order, {"status": params["status"]})


def _assign(shop: Shop, noun: str, record: Values, params: Params) -> None:
    user = shop.get("shop_user", int(params["user_id"]))
    work_orders.change_order(shop, _order(shop, noun, record), {"assigned_to": user["id"]})


def _create_task(shop: Shop, noun: str, record: Values, params: Params) -> None:
    order_id = record["id"] if noun == "work_order" else record.get("work_order_id")
    title = fill(str(params["title"]), words_of(shop, noun, record))[:255]
    values: Values = {"title": title, "work_order_id": order_id}
    if params.get("assigned_to"):
        values["assigned_to"] = shop.get("shop_user", int(params["assigned_to"]))["id"]
    tasks.create(shop, values)


def _send_email(shop: Shop, noun: str, record: Values, params: Params) -> None:
    words = words_of(shop, noun, record)
    recipient = params.get("to") or words["customer_email"]
    if not recipient:
        raise broken_rule("The customer has no email address.")
    body = escape(fill(str(params["body"]), words)).replace("\n", "<br>")
    queue_mail(shop, str(recipient), fill(str(params["subject"]), words), f"<p>{body}</p>")


def _send_sms(shop: Shop, noun: str, record: Values, params: Params) -> None:
    words = words_of(shop, noun, record)
    phone = params.get("phone") or words["customer_phone"]
    if not phone:
        raise broken_rule("The customer has no mobile phone.")
    queue_sms(shop, str(phone), fill(str(params["body"]), words), record.get("customer_id"))


def _notify(shop: Shop, noun: str, record: Values, params: Params) -> None:
    text = fill(str(params["message"]), words_of(shop, noun, record))
    if params.get("user_id"):
        notify(shop, [int(params["user_id"])], "automation", text[:255], text)
    else:
        notify_admins(shop, "automation", text[:255], text)


def _add_note(shop: Shop, noun: str, record: Values, params: Params) -> None:
    note = fill(str(params["note"]), words_of(shop, noun, record))
    order = _order(shop, noun, record)
    values = {"work_order_id": order["id"], "note": note, "is_internal": True}
    work_orders.add_note(shop, values)


def _webhook(shop: Shop, noun: str, record: Values, params: Params) -> None:
    payload = {"noun": noun, "id": record["id"], "status": record.get("status")}
    row: Values = {"url": str(params["url"])[:1_000], "payload": payload, "state": "waiting"}
    shop.insert("outgoing_webhook", row | {"due_at": shop.now})


def _deed(run: Callable[[Shop, str, Values, Params], None], *needs: str) -> Deed:
    return Deed(frozenset(needs), run)


DEEDS: Mapping[str, Deed] = {
    "change_status": _deed(_change_status, "status"),
    "assign": _deed(_assign, "user_id"),
    "create_task": _deed(_create_task, "title"),
    "send_email": _deed(_send_email, "subject", "body"),
    "send_sms": _deed(_send_sms, "body"),
    "notify": _deed(_notify, "message"),
    "add_note": _deed(_add_note, "note"),
    "webhook": _deed(_webhook, "url"),
}
