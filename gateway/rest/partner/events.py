"""What happened to a provider's tickets, oldest first, from any event on that it knows."""

from __future__ import annotations

from quart import Blueprint, Response, request

from gateway.domain.errors import Invalid
from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    guarded,
    listing,
    moment,
    moment_in_query,
)
from gateway.storage.database import Connection
from gateway.storage.queries import partner_events
from gateway.storage.queries.page import Page
from gateway.storage.queries.partner_events import Behind, PartnerEvent
from gateway.tickets.partner_events import event_shape, place_after
from gateway.web import parameters

_FILTERS = ("after_id", "occurred_after", "type")


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the route ``/partner/v2/system/events``."""
    routes = guarded(door, "partner_events")

    @routes.get("/system/events")
    async def list_events() -> Response:
        _check_one_filter()
        limit = parameters.integer(request.args, "limit", least=1, most=door.pages.most)
        limit = limit or door.pages.default
        after_id = parameters.text(request.args, "after_id", longest=26)
        since = moment_in_query("occurred_after")
        type_ = parameters.text(request.args, "type", longest=64)
        provider_id = caller().provider_id

        def read(connection: Connection) -> Page[PartnerEvent]:
            after = 0 if after_id is None else place_after(connection, after_id)
            wanted = Behind(after, since, type_)
            found = partner_events.of_provider(connection, provider_id, wanted, limit)
            return Page(found, partner_events.count(connection, provider_id, wanted))

        query: Json = {
            "after_id": after_id,
            "occurred_after": moment(since),
            "type": type_,
            "limit": limit,
        }
        return listing(query, await door.database.read(read), event_shape)

    return routes


def _check_one_filter() -> None:
    named = [name for name in _FILTERS if request.args.get(name)]
    if len(named) > 1:
        raise Invalid(
            "event.one_filter",
            f"Filter by one of {', '.join(_FILTERS)} at a time, not by {' and '.join(named)}.",
            field=named[1],
        )
