"""SMS: counted in parts, queued in the transaction, sent after it, followed by callbacks."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from gateway.backoffice.moments import day_begin
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.opening import is_quiet
from gateway.backoffice.rules.phones import e164
from gateway.backoffice.rules.wording import check_text, fill, words_of
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO, cents

#: One part of one message, in the currency of the books.
PRICE = Decimal("0.02")

#: 3GPP TS 23.038, the default alphabet; each of the extension takes two places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("^{}\\[~]|€\f")

#: Customers in one bulk message at most.
_MOST_BULK = 10_000


def parts(text: str) -> int:
    """Return how many parts a text takes: 160/153 of GSM-7, or 70/67 of UCS-2."""
    if all(char in _GSM or char in _GSM_EXTENSION for char in text):
        length, single, several = len(text) + sum(c in _GSM_EXTENSION for c in text), 160, 153
    else:
        length, single, several = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // several)


def queue_sms(
    shop: Shop, phone: str, body: str, customer_id: int | None = None, template: int | None = None
) -> int:
    """Promise a message.

    Raises:
        Invalid: the number is none, or its customer wants no messages.
    """
    number = e164(phone)
    if number is None:
        raise wrong_field("phone", "is no phone number.")
    customer = _customer(shop, number) if customer_id is None else None
    if customer is not None and customer["opted_out"]:
        raise broken_rule("This customer wants no messages.")
    count = parts(body)
    row = {"phone": number, "body": body, "segments": count, "cost": PRICE * count}
    owner = customer["id"] if customer else customer_id
    return shop.insert("sms_message", row | {"customer_id": owner, "template_id": template})


def check_enabled(shop: Shop) -> None:
    """Refuse while no service sends messages; raises ``Invalid``."""
    if shop.find("integration", slug="twilio", is_enabled=True) is None:
        raise broken_rule("The integration twilio is not enabled. Set it up first.")


def send(shop: Shop, values: Values) -> object:
    """Queue one message; a template goes before the body."""
    check_enabled(shop)
    body, template = values.get("body") or "", values.get("template_id")
    number = e164(values["phone"])
    customer = number and _customer(shop, number)
    if template is not None:
        row = shop.find("sms_template", id=template)
        if row is None:
            raise wrong_field("template_id", "is invalid.")
        words = words_of(shop, "customer", customer or {"id": None})
        body = fill(row["body"], words)
    if not body:
        raise wrong_field("body", "is required without template_id.")
    message_id = queue_sms(shop, values["phone"], body, None, template)
    return {"message_id": str(message_id), "status": "queued"}


def send_bulk(shop: Shop, values: Values) -> object:
    """Queue a message to all customers with a tag, or of a kind; each number once.

    Raises:
        Invalid: to everybody, by somebody who does not run the garage.
    """
    check_enabled(shop)
    check_text(values["body"], "body")
    narrowed = [name for name in ("tag_id", "is_business") if values.get(name) is not None]
    if not narrowed and shop.role == "employee":
        raise broken_rule("A message to all customers takes a manager. Narrow it down.")
    told: set[str] = set()
    for person in _chosen(shop, values):
        number = person["mobile_e164"] or person["phone_e164"]
        if number and number not in told and not person["opted_out"]:
            body = fill(values["body"], words_of(shop, "customer", person))
            queue_sms(shop, number, body, person["id"])
            told.add(number)
    return {"queued": len(told), "message": f"{len(told)} messages queued."}


def _chosen(shop: Shop, values: Values) -> list[Values]:
    customer, tagged = shop.tables["customer"], shop.tables["customer_tag"]
    query = shop.select("customer")
    if values.get("is_business") is not None:
        query = query.where(customer.c.is_business == values["is_business"])
    if values.get("tag_id") is not None:
        mine = select(tagged.c.customer_id).where(
            *shop.visible(tagged), tagged.c.tag_id == values["tag_id"]
        )
        query = query.where(customer.c.id.in_(mine))
    return shop.rows(query.order_by(customer.c.id).limit(_MOST_BULK))


def _customer(shop: Shop, number: str) -> Values | None:
    return shop.find("customer", mobile_e164=number) or shop.find("customer", phone_e164=number)


def due_sms(shop: Shop, limit: int = 20) -> list[Values]:
    """Return messages that wait, oldest first; none in the hours that the garage calls quiet."""
    own = setting(shop)
    if is_quiet(shop.now, own["quiet_from"], own["quiet_until"]):
        return []
    table = shop.tables["sms_message"]
    waiting = shop.select("sms_message").where(
        table.c.status == "queued", table.c.provider_id.is_(None)
    )
    return shop.rows(waiting.order_by(table.c.id).limit(limit))


def settle_sms(shop: Shop, message_id: int, provider_id: str | None, error: str | None) -> None:
    """Note that the service took a message, or that it never will."""
    if error is not None:
        shop.change("sms_message", message_id, {"status": "failed", "error": error[:255]})
        return
    sent = {"status": "sent", "provider_id": provider_id, "sent_at": shop.now}
    shop.change("sms_message", message_id, sent)


#: What the service says of a message -> what we call it. It never goes back.
_REPORTED = {"delivered": "delivered", "undelivered": "failed", "failed": "failed"}


def report(shop: Shop, provider_id: str, status: str, code: str) -> bool:
    """Note what became of a message; tell whether it is one of ours."""
    row = shop.find("sms_message", provider_id=provider_id)
    became = _REPORTED.get(status)
    if row is None or became is None or row["status"] != "sent":
        return row is not None  # on its way, or reported before
    told: Values = {"delivered_at": shop.now}
    if became == "failed":
        told = {"error": f"{status} (error {code or 'unknown'})"[:255]}
    shop.change("sms_message", row["id"], {"status": became} | told)
    return True


def stats(shop: Shop, _: Values) -> object:
    """Return how many went out, how many arrived, and what it cost."""
    table = shop.tables["sms_message"]
    today = day_begin(shop.today)
    month = day_begin(shop.today.replace(day=1))
    since = (*shop.visible(table), table.c.created_at >= month)
    query = select(table.c.status, func.count(), func.sum(table.c.cost)).where(*since)
    by_status = {
        status: (int(count), cost or ZERO)
        for status, count, cost in shop.connection.execute(query.group_by(table.c.status))
    }
    finished = sum(by_status.get(name, (0, ZERO))[0] for name in ("delivered", "failed"))
    arrived = by_status.get("delivered", (0, ZERO))[0]
    return {
        "today": shop.count("sms_message", table.c.created_at >= today),
        "this_month": sum(count for count, _ in by_status.values()),
        "delivery_rate": round(arrived * 100 / finished, 1) if finished else 0,
        "cost_this_month": cents(sum((cost for _, cost in by_status.values()), ZERO)),
    }


def create_template(shop: Shop, values: Values) -> int:
    """Store a template; raises ``Unprocessable`` for unknown placeholders."""
    check_text(values["body"], "body")
    return shop.insert("sms_template", values)


def change_template(shop: Shop, row: Values, values: Values) -> None:
    """Change a template; what was sent keeps its words."""
    check_text((row | values)["body"], "body")
    if values:
        shop.change("sms_template", row["id"], values)


#: A message that nobody could send for so long is out of date.
STALE = timedelta(days=1)


def is_stale(row: Values, now: datetime) -> bool:
    """Tell whether a message waited too long."""
    return bool(row["created_at"] < now - STALE)
