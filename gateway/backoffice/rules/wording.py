"""Texts with placeholders, ``{{customer_name}}``: a closed list of names, filled in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.shop import Shop, Values

#: What texts may name.
PLACEHOLDERS = (
    "customer_name",
    "customer_first_name",
    "customer_email",
    "customer_phone",
    "ticket_no",
    "status",
    "device",
    "invoice_number",
)

_PLAIN = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)

#: Longer texts are no messages.
_LONGEST = 65_536


def check_text(text: str, field: str) -> None:
    """Refuse a text that names what there is not, or that is more than names in braces.

    Raises:
        Unprocessable: saying which placeholder is unknown.
    """
    if "{%" in text or "{#" in text:
        raise wrong_field(field, "may hold placeholders in double braces, nothing else.")
    try:
        named = meta.find_undeclared_variables(_PLAIN.parse(text))
    except TemplateError as error:
        raise wrong_field(field, f"is not well-formed: {error}.") from None
    unknown = sorted(named - set(PLACEHOLDERS))
    if unknown:
        known = ", ".join(PLACEHOLDERS)
        raise wrong_field(field, f"names {unknown[0]}, which there is not. There are: {known}.")


def fill(text: str, words: Mapping[str, str], *, html: bool = False) -> str:
    """Return ``text`` with its placeholders filled; raises ``Invalid`` when it cannot be."""
    environment = _HTML if html else _PLAIN
    try:
        return environment.from_string(text).render(dict(words))[:_LONGEST]
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        raise broken_rule(f"The text could not be filled in: {error}.") from None


def words_of(shop: Shop, noun: str, record: Values) -> dict[str, str]:
    """Return the words about a record."""
    order_id = record["id"] if noun == "work_order" else record.get("work_order_id")
    order = order_id and shop.find("work_order", id=order_id)
    customer_id = record["id"] if noun == "customer" else record.get("customer_id")
    if customer_id is None and order:
        customer_id = order["customer_id"]
    words = dict.fromkeys(PLACEHOLDERS, "")
    if customer_id is not None:
        words |= _customer_words(shop.find_ever("customer", id=customer_id) or {})
    if order:
        device = " ".join(filter(None, (order["device_brand"], order["device_model"])))
        words |= {"ticket_no": order["ticket_no"], "status": order["status"], "device": device}
    words["invoice_number"] = str(record.get("invoice_number") or "")
    return words


def _customer_words(person: Values) -> dict[str, str]:
    if not person:
        return {}
    return {
        "customer_name": full_name(person),
        "customer_first_name": person["first_name"],
        "customer_email": person["email"] or "",
        "customer_phone": person["mobile_e164"] or person["phone_e164"] or "",
    }
