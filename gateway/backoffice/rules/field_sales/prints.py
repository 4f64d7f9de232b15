"""Documents of field sales as PDF, behind links that are their own proof and expire.

A link holds, sealed, which document of which garage it shows and until when; nothing is stored,
and what is shown is the document as it is then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.backoffice.reading import absent
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.money import Line, Totals
from gateway.backoffice.rules.papers import Paper, day, money
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
        expires: when the link stops working.
    """

    tenant_id: int
    kind: str
    document_id: int
    watermark: str
    expires: datetime

    def seal(self, sealer: Sealer) -> str:
        """Return the token of the link."""
        until = self.expires.isoformat()
        parts = [self.tenant_id, self.kind, self.document_id, self.watermark, until]
        return sealer.seal(json.dumps(parts))


def opened(sealer: Sealer, token: str, now: datetime) -> Link:
    """Return what a token shows; raises ``NotFound`` for others, and for expired ones."""
    try:
        tenant_id, kind, document_id, watermark, until = json.loads(sealer.open(token))
        link = Link(tenant_id, kind, document_id, watermark, datetime.fromisoformat(until))
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
    total = row["amount"] if link.kind == "receipt" else row["total"]
    number = row.get("serial") or row.get("reference") or str(row["id"])
    return Paper(
        title=f"{title} {number}",
        garage=garage_name(shop),
        addressee=(full_name(client) if client else "",),
        facts=(
            ("Date", day(shop.today)),
            ("Total", money(total) if total is not None else ""),
            ("Status", row.get("status") or ""),
        ),
        lines=tuple(lines),
        totals=_totals(lines, total) if lines else None,
        watermark=link.watermark,
    )


def _line(shop: Shop, item: Values) -> Values:
    variant = shop.find("variant", id=int(item["variant"], 16)) if item.get("variant") else None
    quantity = Decimal(str(item.get("base_unit_qty") or 1))
    total = Decimal(str(item.get("line_total") or 0)) - _added(item)
    return {
        "description": variant["name"] if variant else "",
        "quantity": quantity,
        "unit_price": total / quantity,
        "vat_rate": Decimal(0),
    }


def _added(item: Values) -> Decimal:
    """Return the tax that was put on top of a line."""
    price = sum(Decimal(str(item.get(name) or 0)) for name in ("price", "modifiers_total"))
    net = price * Decimal(str(item.get("base_unit_qty") or 1))
    net -= Decimal(str(item.get("discount") or 0))
    return Decimal(str(item.get("line_total") or 0)) - net


def _totals(lines: list[Values], total: Decimal | None) -> Totals:
    net = sum(
        (Line(one["quantity"], one["unit_price"], Decimal(0)).excluding for one in lines),
        Decimal(0),
    )
    tax = (total or net) - net
    return Totals(net, tax, {Decimal(0): (net, tax)} if tax else {})
