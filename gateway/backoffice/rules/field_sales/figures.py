"""What reps have outstanding: the open part of the invoices they made."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.profile import Page
from gateway.backoffice.profiles.field_sales import FIELD_SALES, page_with_links
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)
_PATH = "/rep-balance-summary"


def rep_balances(shop: Shop, values: Values) -> Values:
    """Return a page of reps with what is open on their invoices, and the sum over all."""
    number, size = values.get("page") or 1, values.get("per_page") or 20
    rep, disabled = values.get("rep"), bool(values.get("disabled"))
    table = shop.tables["rep"]
    query = shop.select("rep")
    query = query.where(table.c.disabled.is_(True) if disabled else table.c.disabled.is_not(True))
    if rep is not None:
        query = query.where(table.c.id == rep)
    rows = shop.rows(query.order_by(table.c.id))
    owed = _outstanding(shop)
    shown = rows[(number - 1) * size : number * size]
    asked = {"per_page": str(size), "disabled": str(disabled).lower()}
    asked |= {} if rep is None else {"rep": str(_ID.render(rep))}
    page = Page(
        [_row(row, owed) for row in shown],
        number,
        size,
        number * size < len(rows),
        len(rows),
        FIELD_SALES.mount + _PATH,
        tuple(asked.items()),
    )
    total = sum((owed.get(row["id"], Decimal(0)) for row in rows), Decimal(0))
    more = {"has_more": page.more, "include_documents_count": True}
    return page_with_links(page) | {"totals": {"total_balances": total}, "options": more}


def _row(rep: Values, owed: dict[int, Decimal]) -> dict[str, object]:
    identifier = _ID.render(rep["id"])
    outstanding = owed.get(rep["id"], Decimal(0))
    return {
        "_id": identifier,
        "rep": identifier,
        "rep_name": rep["name"],
        "total_outstanding_balance_of_invoices_created_by_rep": outstanding,
    }


def _outstanding(shop: Shop) -> dict[int, Decimal]:
    table = shop.tables["sales_invoice"]
    query = (
        select(table.c.rep, func.sum(table.c.total), func.sum(table.c.settled))
        .where(*shop.visible(table), table.c.rep.is_not(None), table.c.status != "void")
        .group_by(table.c.rep)
    )
    found = shop.connection.execute(query)
    return {rep: (total or Decimal(0)) - (settled or Decimal(0)) for rep, total, settled in found}
