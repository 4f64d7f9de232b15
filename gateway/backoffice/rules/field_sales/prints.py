"""Documents of field sales as PDF, behind links that are their own proof and expire.

A link holds, sealed, which document of which garage it shows and until when; nothing is stored,
and what is shown is the document as it is then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.backoffice.moments import business_day
from gateway.backoffice.reading import absent
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.money import Totals
from gateway.backoffice.rules.papers import Layout, Paper, day, money
from gateway.backoffice.rules.wordings import worded
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Invalid

#: How long a link works.
LIFETIME = timedelta(hours=24)

#: What a caller may ask for -> where it is kept, and what stands above it. An order is a proforma
#: that the client agreed to, a quote one that they have not.
DOCUMENTS = {
    "invoice": ("sales_invoice", "Invoice"),
    "proforma": ("proforma", "Proforma"),
    "order": ("proforma", "Order"),
    "quote": ("proforma", "Quote"),
    "receipt": ("sales_payment", "Receipt"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """What a link shows.

    Attributes:
        tenant_id: whose document.
        kind: one of :data:`DOCUMENTS`.
        document_id: which.
        watermark: across the page.
        layout: how it is to look.
        expires: when the link stops working.
    """

    tenant_id: int
    kind: str
    document_id: int
    watermark: str
    layout: Layout
    expires: datetime

    def seal(self, sealer: Sealer) -> str:
        """Return the token of the link."""
        until, layout = self.expires.isoformat(), list(astuple(self.layout))
        parts = [self.tenant_id, self.kind, self.document_id, self.watermark, layout, until]
        return sealer.seal(json.dumps(parts))


def layout_of(options: Values, language: str) -> Layout:
    """Return the layout that a caller's options ask for; what they leave out is as usual."""
    return Layout(
        options.get("format") or "A4",
        options.get("orientation") == "landscape",
        options.get("includeHeader") is not False,
        options.get("includeFooter") is not False,
        language,
    )


def opened(sealer: Sealer, token: str, now: datetime) -> Link:
    """Return what a token shows; raises ``NotFound`` for others, and for expired ones."""
    try:
        tenant_id, kind, document_id, watermark, layout, until = json.loads(sealer.open(token))
        shown = document_id, watermark, Layout(*layout)
        link = Link(tenant_id, kind, *shown, datetime.fromisoformat(until))
    except (Invalid, ValueError, TypeError):
        raise absent("document") from None
    if link.expires <= now:
        raise absent("document")
    return link


def paper(shop: Shop, link: Link) -> Paper:
    """Return what the document says; raises ``NotFound`` when it is not there."""
    noun, title = DOCUMENTS[link.kind]
    row = shop.get(noun, link.document_id)
    client = shop.find_ever("customer", id=row["client"]) if row["client"] else None
    lines = [_line(shop, item) for item in row.get("items") or []]
    number = row.get("serial") or row.get("reference") or str(row["id"])
    language = link.layout.language
    return Paper(
        title=f"{worded(title, language)} {number}",
        garage=garage_name(shop),
        addressee=(full_name(client) if client else "",),
        facts=tuple((worded(label, language), text) for label, text in _facts(row)),
        lines=tuple(lines),
        totals=_totals(row["items"]) if lines else None,
        watermark=link.watermark,
        layout=link.layout,
    )


def _facts(row: Values) -> Iterator[tuple[str, str]]:
    moments = {"Date": row.get("date") or row["created_at"]}
    moments |= {"Due": row.get("due_date"), "Valid until": row.get("valid_until")}
    yield from ((label, day(business_day(at))) for label, at in moments.items() if at is not None)
    total = row["amount"] if "amount" in row else row["total"]
    yield "Total", money(total) if total is not None else ""
    yield "Status", row.get("status") or ""


def _line(shop: Shop, item: Values) -> Values:
    variant = shop.find("variant", id=int(item["variant"], 16)) if item.get("variant") else None
    quantity = Decimal(str(item.get("base_unit_qty") or 1))
    return {
        "description": variant["name"] if variant else "",
        "quantity": quantity,
        "unit_price": _net(item) / quantity,
        "vat_rate": _number(item, "tax_rate"),
    }


def _net(item: Values) -> Decimal:
    """Return what a line comes to without its tax, whether that is in the price or on top."""
    return _number(item, "line_total") - _number(item, "tax_amount")


def _number(item: Values, name: str) -> Decimal:
    return Decimal(str(item.get(name) or 0))


def _totals(items: list[Values]) -> Totals:
    groups: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for item in items:
        rate = _number(item, "tax_rate")
        base, tax = groups.get(rate, (Decimal(0), Decimal(0)))
        groups[rate] = base + _net(item), tax + _number(item, "tax_amount")
    net = sum((base for base, _ in groups.values()), Decimal(0))
    taxes = sum((tax for _, tax in groups.values()), Decimal(0))
    return Totals(net, taxes, {rate: group for rate, group in sorted(groups.items()) if rate})
