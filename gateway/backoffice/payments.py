"""Payment services: links for customers, and payments fetched by their number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from gateway.backoffice.hooks import callback
from gateway.backoffice.outside import Outside, Reply
from gateway.backoffice.refusal import Upstream, broken_rule
from gateway.backoffice.rules import invoices
from gateway.backoffice.rules.paying import Paid
from gateway.backoffice.shop import Values

Settings = Mapping[str, str]

CURRENCY = "EUR"


async def mollie_paid(outside: Outside, settings: Settings, number: str) -> Paid | None:
    """Return a payment of Mollie's, ``None`` while it is not complete; raises ``Upstream``."""
    headers = {"Authorization": f"Bearer {settings['api_key']}"}
    url = f"{outside.address('mollie')}/v2/payments/{quote(number, safe='')}"
    found = _document(await outside.ask("GET", url, headers=headers), "Mollie")
    amount = found.get("amount") or {}
    if found.get("status") != "paid" or amount.get("currency") != CURRENCY:
        return None
    return _paid("mollie", number, found.get("metadata"), Decimal(str(amount.get("value"))))


async def stripe_paid(outside: Outside, settings: Settings, number: str) -> Paid | None:
    """Return a payment intent of Stripe's, ``None`` while it is not complete."""
    url = f"{outside.address('stripe')}/v1/payment_intents/{quote(number, safe='')}"
    headers = {"Authorization": f"Bearer {settings['secret_key']}"}
    found = _document(await outside.ask("GET", url, headers=headers), "Stripe")
    if found.get("status") != "succeeded" or found.get("currency") != CURRENCY.lower():
        return None
    amount = Decimal(int(found.get("amount_received") or 0)).scaleb(-2)
    return _paid("stripe", number, found.get("metadata"), amount)


def _paid(method: str, number: str, metadata: object, amount: Decimal) -> Paid | None:
    given = str(metadata.get("invoice_id")) if isinstance(metadata, dict) else ""
    known = given.isascii() and given.isdigit() and len(given) < 16 and amount > 0
    return Paid(method, number, int(given), amount) if known else None


async def link(outside: Outside, settings: Settings, service: str, invoice: Values) -> str:
    """Return the address at which a customer pays what is outstanding.

    Raises:
        Invalid: nothing is outstanding, or the service could not call us.
        Upstream: the service refuses.
    """
    amount = invoices.outstanding(invoice)
    if not amount:
        raise broken_rule("Nothing is outstanding on this invoice.")
    if not outside.public_url:
        raise broken_rule("The gateway has no public address (http.public_url) to be called at.")
    return await _LINKS[service](outside, settings, invoice, amount)


async def _mollie_link(
    outside: Outside, settings: Settings, invoice: Values, amount: Decimal
) -> str:
    body = {
        "amount": {"currency": CURRENCY, "value": f"{amount:.2f}"},
        "description": f"Invoice {invoice['invoice_number']}",
        "redirectUrl": outside.public_url,
        "webhookUrl": callback(outside, invoice["tenant_id"], "mollie"),
        "metadata": {"invoice_id": invoice["id"]},
    }
    headers = {"Authorization": f"Bearer {settings['api_key']}"}
    url = f"{outside.address('mollie')}/v2/payments"
    made = _document(await outside.ask("POST", url, headers=headers, json=body), "Mollie")
    return _text(made, "_links", "checkout", "href")


async def _stripe_link(
    outside: Outside, settings: Settings, invoice: Values, amount: Decimal
) -> str:
    price = "line_items[0][price_data]"
    form = {
        "mode": "payment",
        "success_url": outside.public_url,
        "line_items[0][quantity]": "1",
        f"{price}[currency]": CURRENCY.lower(),
        f"{price}[unit_amount]": str(int(amount.scaleb(2))),
        f"{price}[product_data][name]": f"Invoice {invoice['invoice_number']}",
        "payment_intent_data[metadata][invoice_id]": str(invoice["id"]),
    }
    headers = {"Authorization": f"Bearer {settings['secret_key']}"}
    url = f"{outside.address('stripe')}/v1/checkout/sessions"
    return _text(
        _document(await outside.ask("POST", url, headers=headers, form=form), "Stripe"), "url"
    )


# Any: JSON of the services.
def _document(reply: Reply, service: str) -> dict[str, Any]:
    if not reply.ok or not isinstance(reply.document, dict):
        raise Upstream(f"{service} answered with status {reply.status}.")
    return reply.document


def _text(document: dict[str, Any], *path: str) -> str:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise Upstream("The payment service did not say where to pay.")
    return found


Link = Callable[[Outside, Settings, Values, Decimal], Awaitable[str]]

_LINKS: Mapping[str, Link] = {"mollie": _mollie_link, "stripe": _stripe_link}
