"""Field sales: what reps have outstanding."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import OBJECT, on_all
from gateway.backoffice.catalogue.field_sales.cells import ID, NAME
from gateway.backoffice.kinds import Flag, Schema, Whole
from gateway.backoffice.profile import Wrap
from gateway.backoffice.profiles.field_sales import links_schema
from gateway.backoffice.resource import Input
from gateway.backoffice.rules.field_sales import figures


def _schema(row: Schema) -> Schema:
    schema = links_schema(row)
    schema["properties"] |= {"totals": OBJECT, "options": OBJECT}
    return schema


ACTIONS = (
    on_all(
        "/rep-balance-summary",
        "repBalanceSummaryReport",
        figures.rep_balances,
        "Show what is open on the invoices of each rep",
        method="GET",
        query=(
            Input("rep", ID),
            Input("page", Whole(1, 1_000_000)),
            Input("per_page", Whole(1, 100)),
            Input("disabled", Flag()),
            Input("populatedKeys", NAME),
        ),
        shows=OBJECT,
        wrap=Wrap(schema=_schema),
    ),
)
