"""The planner API (contracts/planner.yaml): pages with links, without and with a total."""

from __future__ import annotations

from dataclasses import replace

from gateway.backoffice.kinds import Identifier, Schema
from gateway.backoffice.moments import Moment
from gateway.backoffice.profile import Api, Page, Paging, Profile, Sorting
from gateway.backoffice.profiles.laravel import ERRORS, bearer, refusal

PLANNER = Api(
    name="planner",
    title="Service planner back office",
    mount="/backoffice/planner",
    prefixes=("", "/api"),
    credentials=bearer,
    security={"bearerAuth": {"type": "http", "scheme": "bearer"}},
    refusal=refusal,
    errors=ERRORS,
    identifier=Identifier(),
)

#: Times carry microseconds here.
STAMP = Moment(fine=True)

_NULL_TEXT: Schema = {"type": ["string", "null"]}
_NULL_WHOLE: Schema = {"type": ["integer", "null"]}


def _simple(page: Page) -> dict[str, object]:
    first = (page.number - 1) * page.size + 1
    return {
        "current_page": page.number,
        "data": page.rows,
        "first_page_url": page.url(1),
        "from": first if page.rows else None,
        "next_page_url": page.url(page.number + 1) if page.more else None,
        "path": page.address,
        "per_page": page.size,
        "prev_page_url": page.url(page.number - 1) if page.number > 1 else None,
        "to": first + len(page.rows) - 1 if page.rows else None,
    }


def _simple_schema(document: Schema) -> Schema:
    properties: Schema = {
        "current_page": {"type": "integer"},
        "data": {"type": "array", "items": document},
        "first_page_url": {"type": "string"},
        "from": _NULL_WHOLE,
        "next_page_url": _NULL_TEXT,
        "path": {"type": "string"},
        "per_page": {"type": "integer"},
        "prev_page_url": _NULL_TEXT,
        "to": _NULL_WHOLE,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


#: Lists without a total; ``next_page_url`` says whether more follows. Creations answer 200.
SIMPLE = Profile(
    api=PLANNER,
    page=_simple,
    page_schema=_simple_schema,
    paging=Paging(default=100, maximum=100, size_name="per_page", capped=True),
    sorting=Sorting(field="sort", direction="ordertype"),
    created=200,
)

#: Addresses spell their order otherwise.
SIMPLE_ORDER_BY = replace(SIMPLE, sorting=Sorting(field="order_by", direction="order_direction"))
