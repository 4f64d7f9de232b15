"""Field sales: what reps have outstanding."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import OBJECT, on_all
from gateway.backoffice.catalogue.field_sales.cells import ID, NAME
from gateway.backoffice.catalogue.field_sales.sales import SALES_INVOICE
from gateway.backoffice.kinds import Flag, Schema, Whole
from gateway.backoffice.nested import Many
from gateway.backoffice.populating import populate
from gateway.backoffice.profile import Wrap
from gateway.backoffice.profiles.field_sales import links_schema
from gateway.backoffice.resource import Input
from gateway.backoffice.rules.field_sales import figures
from gateway.backoffice.shop import Shop, Values


def _schema(row: Schema) -> Schema:
    schema = links_schema(row)
    schema["properties"] |= {"totals": OBJECT, "options": OBJECT}
    return schema


def _balances(shop: Shop, values: Values) -> object:
    named = "rep" in values.pop("populatedKeys", ())
    page = figures.rep_balances(shop, values)
    # A row's rep is the one of its invoices, and shown as theirs.
    return page | {"data": populate(shop, SALES_INVOICE, ["rep"] if named else [], page["data"])}


ACTIONS = (
    on_all(
        "/rep-balance-summary",
        "repBalanceSummaryReport",
        _balances,
        "Show what is open on the invoices of each rep",
        method="GET",
        query=(
            Input("rep", ID),
            Input("page", Whole(1, 1_000_000)),
            Input("per_page", Whole(1, 100)),
            Input("disabled", Flag()),
            Input("populatedKeys", Many(NAME)),
        ),
        shows=OBJECT,
        wrap=Wrap(schema=_schema),
    ),
)
