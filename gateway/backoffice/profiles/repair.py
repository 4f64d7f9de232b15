"""The repair API (contracts/repair.yaml): length-aware pages of 50, 201 and 204."""

from __future__ import annotations

from dataclasses import replace

from gateway.backoffice.kinds import Identifier, Schema
from gateway.backoffice.profile import Api, Page, Paging, Profile
from gateway.backoffice.profiles.laravel import ERRORS, bearer, refusal

REPAIR = Api(
    name="repair",
    title="Repair shop back office",
    mount="/backoffice/repair",
    prefixes=("", "/repair-angel-v2/api", "/api"),
    credentials=bearer,
    security={"bearerAuth": {"type": "http", "scheme": "bearer"}},
    refusal=refusal,
    errors=ERRORS,
    identifier=Identifier(),
)


def _page(page: Page) -> object:
    return {
        "data": page.rows,
        "current_page": page.number,
        "last_page": page.last,
        "per_page": page.size,
        "total": page.total,
    }


def _page_schema(document: Schema) -> Schema:
    numbers = ("current_page", "last_page", "per_page", "total")
    properties: Schema = {"data": {"type": "array", "items": document}}
    properties |= {name: {"type": "integer"} for name in numbers}
    return {"type": "object", "properties": properties, "required": list(properties)}


#: Most lists.
PAGED = Profile(
    api=REPAIR,
    page=_page,
    page_schema=_page_schema,
    paging=Paging(default=50, maximum=50),
    counted=True,
)

#: A trail shows fewer (sample: 18 entries are two pages).
TRAIL = replace(PAGED, paging=Paging(default=15, maximum=15))

#: Rows of one document: a bare array.
WHOLE = Profile(
    api=REPAIR,
    page=lambda page: page.rows,
    page_schema=lambda document: {"type": "array", "items": document},
)
