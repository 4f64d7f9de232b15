"""Instalments that are overdue, as a list with the days."""

from __future__ import annotations

from gateway.backoffice.action import Action
from gateway.backoffice.catalogue.field_sales.acts import OBJECT, on_all
from gateway.backoffice.kinds import Schema, Whole
from gateway.backoffice.profile import Page, Wrap
from gateway.backoffice.profiles.field_sales import PAGING
from gateway.backoffice.reading import show
from gateway.backoffice.resource import Input, Resource
from gateway.backoffice.rules.field_sales import installments
from gateway.backoffice.shop import Shop, Values


def overdue(resource: Resource) -> Action:
    """Return the list of what is overdue, longest first."""

    def apply(shop: Shop, values: Values) -> object:
        number, size = values.get("page") or 1, values.get("per_page") or 25
        found = installments.overdue(shop, values.get("days_overdue") or 0)
        rows = [
            _row(shop, resource, row) | {"days_overdue": days}
            for row, days in found[(number - 1) * size : number * size]
        ]
        more = number * size < len(found)
        return PAGING.page(Page(rows, number, size, more, len(found), resource.path))

    return on_all(
        "/contract-installment/overdue",
        "listOverdueInstallments",
        apply,
        "List what is overdue",
        method="GET",
        query=(
            Input("page", Whole(1, 1_000_000)),
            Input("per_page", Whole(1, 100)),
            Input("days_overdue", Whole(0, 100_000)),
        ),
        shows=OBJECT,
        wrap=Wrap(schema=_schema),
        # Finding them marks them.
        writes=True,
    )


def _row(shop: Shop, resource: Resource, row: Values) -> dict[str, object]:
    shown = show(shop, resource.full, row)
    return {name: value for name, value in shown.items() if value is not None}


def _schema(row: Schema) -> Schema:
    return PAGING.page_schema(row)
