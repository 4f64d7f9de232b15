"""Every filter that the field-sales contract names narrows the list it is named for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.backoffice.asking import Members
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.kinds import Choice, Flag, Identifier, Number, Text, Whole
from gateway.backoffice.moments import Day, EpochMillis, Moment
from gateway.backoffice.profiles import field_sales as profiles
from gateway.backoffice.query import filter_kind
from gateway.backoffice.resource import Field, Filter, Match, Operation, Resource
from tests.contracts.test_field_sales_walk import PATHS, RESOURCES, World, rows, world  # noqa: F401
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Door,
    Tokens,
    app,
    contracts,
    elsewhere,
    field_sales,
    outside,
    shops,
    tokens,
)

#: How pages and orders are asked for; ``params`` stands for all others.
HABITS = {
    *("params", "page", "per_page", "limit", "offset", "sort", "sortPage", "sortPageOrder"),
    *("order", "sortBy", "filter", "populatedKeys"),
}

#: Parameters of a client that speaks of a richer model: documents here have no such member, or
#: the parameter shapes the answer. They are ignored, as everything is that nobody knows.
OTHER_MODEL = {
    *("AREA_TAGS", "CLIENT_TAGS", "asset_part_units", "asset_units", "assignedToMe"),
    *("assigned_clm_presentations", "assigned_media", "assigned_product_groups"),
    *("assigned_products", "availability", "availability_msl", "client_location"),
    *("closed_by_system", "code", "contract", "conversion_status", "creator.type"),
    *("creator_type", "custom_status", "editor", "editor._id", "editor.type", "editor_type"),
    *("expired", "export_behaviour", "forms", "forms_v2.form_id", "from_score"),
    *("from_start_date", "from_total_time", "hasSubCategory", "has_return"),
    *("implementation_status", "implementation_type", "isLeaf", "is_completed", "is_default"),
    *("is_dunning_allowed", "latest", "local_name", "me", "meta.business_day", "meta.client"),
    *("meta.form._id", "meta.route", "name", "near_expiry", "nodeCycles", "productGroup"),
    *("reason", "renewed_from", "rep", "return_serial_number.formatted", "returned_from"),
    *("route", "score", "serial_number.formatted", "start_date", "started", "subCategory"),
    *("subtype", "sync_id", "tags", "teams", "to_score", "to_start_date", "to_total_time"),
    *("treat_invoice_as_proforma_for_etax", "type", "visit_id", "withClientDetails"),
    *("withCycle", "withDefaultVariant", "withDisabled", "withMedia", "withPrintDetails"),
    *("withProduct", "withVariants"),
}

#: Named for documents that do have it, and ignored all the same, each with the reason.
IGNORED = {
    ("/approvals", "disabled"): "approvals are never disabled",
    ("/proforma", "disabled"): "offers are never disabled",
    ("/proforma", "export"): "answers are JSON; PDF is made by quick-convert-to-pdf",
    ("/measure-unit", "withFamily"): "shapes the answer; units do not know their families",
    ("/product/sub-categories", "withProduct"): "shapes the answer; ask /product?sub_category=",
    ("/rep", "password"): "nobody finds a rep by a password",
}

#: What no document has, by kind.
NOBODY = f"{10**9:024x}"
FUTURE = "2999-01-01T00:00:00Z"

LISTS = {
    resource.path: resource
    for resource in DECLARATIONS.resources
    if resource.profile.api is profiles.FIELD_SALES and Operation.LIST in resource.operations
}


def named(path: str) -> Iterator[tuple[str, bool]]:
    """Yield (filter, whether documents have it) that the contract names for a list."""
    for parameter in PATHS[path]["get"].get("parameters", ()):
        name = parameter["name"].removesuffix("[]")
        if name not in HABITS and parameter["in"] == "query":
            yield name, parameter.get("x-documented-field", True) and "x-from" not in parameter


def test_what_is_left_out_is_named_somewhere() -> None:
    ignored = {
        name
        for path, resource in LISTS.items()
        for name, _ in named(path)
        if name not in {filter_.name for filter_ in resource.filters}
    }
    assert sorted(OTHER_MODEL - ignored) == []


def test_what_the_contract_names_is_known() -> None:
    unknown = {
        (path, name)
        for path, resource in LISTS.items()
        for name, documented in named(path)
        if name not in {filter_.name for filter_ in resource.filters}
        and (documented or name not in OTHER_MODEL)
    }
    assert unknown == set(IGNORED)


def bound(filter_: Filter) -> str:
    """Return which end of a stretch a filter says by its name, as the contract spells it."""
    for end in ("from", "to"):
        if filter_.name.startswith(f"{end}_") or filter_.name.endswith(f"_date_{end}"):
            return end
    return ""


# One case after the other, as flat as a table.
def none_of(  # noqa: C901, PLR0912
    kind: Any, filter_: Filter, value: Any
) -> str:
    """Return a value of the filter that leaves a document with ``value`` out."""
    low = bound(filter_) == "to"
    if filter_.match is Match.OPPOSITE:
        return str(bool(value)).lower()
    match kind:
        case Flag():
            return str(not value).lower()
        case Members(only=only) if only:
            return str(not (value or {}).get(only)).lower()
        case Members():
            return json.dumps({"nobody": "has this"})
        case Identifier():
            return f"{1:024x}" if low else NOBODY
        case EpochMillis():
            return "1" if low else "32472144000000"
        case Moment():
            return "1970-01-01T00:00:00Z" if low else FUTURE
        case Day():
            return "1970-01-01" if low else "2999-01-01"
        case Choice():
            return next(str(word) for word in kind.values if word != value)
        case Whole():
            return str(min(kind.maximum, 9))
        case Text(format="email"):
            return "nobody@else.test"
        case Number():
            return "0" if low else "9"
        case _:
            return "nobody has this"


def all_of(kind: Any, filter_: Filter, value: Any) -> str | None:
    """Return a value of the filter that a document with ``value`` has, if that is easily said."""
    if bound(filter_):
        # What leaves it out at the other end lets it in at this one.
        other = Filter({"from": "to_x", "to": "from_x"}[bound(filter_)])
        known = value is not None and not isinstance(kind, Identifier)
        return none_of(kind, other, value) if known else None
    plain = isinstance(value, (str, int, float)) and not isinstance(kind, EpochMillis)
    if filter_.match is Match.OPPOSITE:
        return str(not value).lower()
    if isinstance(value, list) and value and isinstance(value[0], str):
        return str(value[0])
    if isinstance(kind, Flag):
        return str(bool(value)).lower()
    return str(value) if plain else None


def member_of(resource: Resource, filter_: Filter) -> str:
    """Return the member that shows what a filter compares."""
    sources = {
        field.source: field.name for field in resource.shape.fields if isinstance(field, Field)
    }
    return sources.get(filter_.sources[0], filter_.name)


async def check_filter(world: World, path: str, filter_: Filter, made: Any) -> None:  # noqa: F811
    resource = LISTS[path]
    kind = filter_kind(resource, filter_)
    value = None if filter_.resolve else made.get(member_of(resource, filter_))
    asked = {filter_.name: none_of(kind, filter_, value)}
    status, page = await world.door.ask("GET", path, query_string=asked)
    assert status == 200, (path, asked, page)
    assert made["_id"] not in {row["_id"] for row in rows(page)}, (path, asked)
    found = all_of(kind, filter_, value)
    if found is not None:
        asked = {filter_.name: found}
        status, page = await world.door.ask("GET", path, query_string=asked)
        assert status == 200, (path, asked, page)
        assert made["_id"] in {row["_id"] for row in rows(page)}, (path, asked)


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["PAGING", "PAGINATION", "LINKS", "PAGED", "META", "RESULT"])
async def test_every_named_filter_narrows(profile: str, world: World) -> None:  # noqa: F811
    for path, resource in LISTS.items():
        if resource.profile is not getattr(profiles, profile) or "create" not in RESOURCES.get(
            path, ()
        ):
            continue
        made = await world.make(path)
        wanted = {name for name, _ in named(path)}
        for filter_ in resource.filters:
            if filter_.name in wanted:
                await check_filter(world, path, filter_, made)
        page = (await world.door.ask("GET", f"{path}?nothing_of_the_kind=1&{profile}[]=x"))[1]
        assert made["_id"] in {row["_id"] for row in rows(page)}
