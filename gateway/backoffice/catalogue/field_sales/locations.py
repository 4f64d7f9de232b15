"""Field sales: locations of clients. They are the addresses where the planner's visits go."""

from __future__ import annotations

from dataclasses import replace

from gateway.backoffice.catalogue.field_sales.acts import removal
from gateway.backoffice.catalogue.field_sales.cells import GEO, Cell, first
from gateway.backoffice.catalogue.field_sales.sheet import Rules, sheet
from gateway.backoffice.kinds import Ref, Text
from gateway.backoffice.nested import Part
from gateway.backoffice.nouns.workshop import ADDRESS
from gateway.backoffice.profiles.field_sales import PAGING
from gateway.backoffice.resource import Computed, Field, Input, Row
from gateway.backoffice.rules import customers
from gateway.backoffice.rules.field_sales import locations
from gateway.backoffice.rules.planner import clients

_TEXT = {"type": "string"}
_SPOT = Part({"latitude": GEO, "longitude": GEO})


def _line(row: Row) -> str:
    return customers.address_line(dict(row.values))


def _name(row: Row) -> object:
    return row.values["name"] or _line(row) or row.values["city"] or "Address"


_MEMBERS = (
    Computed("name", _TEXT, _name),
    Computed("address", _TEXT, _line),
    Computed("city", _TEXT, lambda row: row.values["city"] or None),
    Computed("postal_code", _TEXT, lambda row: row.values["zipcode"] or None),
    Computed("coordinates", _SPOT.schema(), lambda row: locations.spot_of(row.values)),
)


def _kept(column: str, *, find: bool = False, empty: object = None) -> Cell:
    return Cell(ADDRESS.kinds[column], find=find, empty=empty)


CLIENT_LOCATION = replace(
    sheet(
        "/client-location",
        PAGING,
        "ClientLocation",
        {
            "client": replace(first(Ref("customer"), must=True), column="customer_id"),
            "state": Text(100),
            "country": Text(100),
            "is_primary": _kept("is_primary", empty=False),
            "location_type": _kept("location_type", empty="other"),
            "contact_info": _kept("contact_info"),
            "business_hours": _kept("business_hours"),
            "notes": _kept("notes"),
            "disabled": _kept("disabled", find=True, empty=False),
        },
        name="client_location",
        noun=ADDRESS,
        rules=Rules(locations.create, locations.change, clients.remove_address),
        members=_MEMBERS,
        inputs=(
            Field("name", required=True),
            Input("address", Text(255), required=True),
            Input("city", Text(100)),
            Input("postal_code", Text(16)),
            Input("coordinates", _SPOT),
        ),
    ),
    # A client's invoice address is shown with the client.
    only=(("type", "work"),),
)

RESOURCES = (CLIENT_LOCATION,)

ACTIONS = (removal(CLIENT_LOCATION, "bulkDeleteClientLocations"),)
