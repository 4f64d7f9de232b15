"""The planner API (contracts/planner.yaml): pages with links, without and with a total."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from typing_extensions import override

from gateway.backoffice.kinds import Identifier, Ref, Schema
from gateway.backoffice.moments import Day, Moment
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


@dataclass(frozen=True, slots=True)
class DayOfMoment(Day):
    """A date that clients may give with a time behind it, which does not count."""

    @override
    def schema(self) -> Schema:
        return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}

    @override
    def parse(self, value: object) -> date:
        if isinstance(value, str) and len(value) > len("YYYY-MM-DD"):
            Moment().parse(value)
            value = value[: len("YYYY-MM-DD")]
        # By name: slots make another class of this one.
        return Day.parse(self, value)


@dataclass(frozen=True, slots=True)
class NoneAsZero(Ref):
    """The id of a row, where 0 says that there is none."""

    @override
    def schema(self) -> Schema:
        return {"type": "integer", "minimum": 0}

    @override
    def parse(self, value: object) -> int | None:  # type: ignore[override]
        return None if value in {0, "0"} else Ref.parse(self, value)


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


def _length_aware(page: Page) -> dict[str, object]:
    # A size that was asked for comes back as the text it was asked with.
    asked = any(name == "per_page" and value for name, value in page.query)
    return _simple(page) | {
        "per_page": str(page.size) if asked else page.size,
        "last_page": page.last,
        "last_page_url": page.url(page.last),
        "total": page.total,
    }


def _length_aware_schema(document: Schema) -> Schema:
    schema = _simple_schema(document)
    schema["properties"] |= {
        "per_page": {"type": ["integer", "string"]},
        "last_page": {"type": "integer"},
        "last_page_url": {"type": "string"},
        "total": {"type": "integer"},
    }
    return schema | {"required": list(schema["properties"])}


#: Lists that say how many pages there are; their own order can be turned.
LENGTH_AWARE = replace(
    SIMPLE,
    page=_length_aware,
    page_schema=_length_aware_schema,
    counted=True,
)

#: Lists of few rows, without an envelope.
PLAIN = replace(
    SIMPLE,
    page=lambda page: page.rows,
    page_schema=lambda document: {"type": "array", "items": document},
    paging=None,
    sorting=None,
)

#: Addresses spell their order otherwise.
SIMPLE_ORDER_BY = replace(SIMPLE, sorting=Sorting(field="order_by", direction="order_direction"))
