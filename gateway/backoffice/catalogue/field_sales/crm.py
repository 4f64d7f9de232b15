"""Field sales: crm."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import removal
from gateway.backoffice.catalogue.field_sales.cells import (
    GEO,
    NAME,
    NOTES,
    TIME,
    Cell,
    first,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Email, Flag, Ref, Text
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.nouns.workshop import TAG
from gateway.backoffice.profiles.field_sales import LINKS, PAGINATION, PAGING
from gateway.backoffice.rules.field_sales import clients

_PERSON = Part(
    {"_id": NAME, "username": NAME, "name": NAME, "type": words("admin", "rep", "client")},
    ("_id", "username", "name", "type"),
)

CLIENT_CHANNEL = sheet(
    "/client-channel",
    PAGINATION,
    "ChannelSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "local_name": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="client_channel",
    meta=True,
)

CLIENT_CONTACT = sheet(
    "/client-contact",
    PAGINATION,
    "ClientContactSchema",
    {
        "creator": _PERSON,
        "editor": _PERSON,
        "name": Cell(NAME, must=True, find=True),
        "local_name": NAME,
        "phone1": NAME,
        "phone2": NAME,
        "email": Email(),
        "title": NAME,
        "extra_info": NOTES,
        "disabled": Flag(),
        "media": Many(NAME),
        "cover_photo": NAME,
    },
    name="client_contact",
    rules=Rules(clients.create_contact),
    meta=True,
)

CLIENT_LOCATION = sheet(
    "/client-location",
    PAGING,
    "ClientLocation",
    {
        "client": first(Ref("customer"), must=True),
        "name": Cell(NAME, must=True),
        "address": Cell(NAME, must=True),
        "city": NAME,
        "state": NAME,
        "postal_code": NAME,
        "country": NAME,
        "coordinates": Part({"latitude": GEO, "longitude": GEO}),
        "is_primary": Cell(Flag(), default=False),
        "location_type": Cell(
            words("office", "warehouse", "retail", "branch", "other"), default="office"
        ),
        "contact_info": Part({"phone": NAME, "email": Email(), "fax": NAME}),
        "business_hours": Part(
            {
                "monday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "tuesday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "wednesday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "thursday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "friday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "saturday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
                "sunday": Part({"open": TIME, "close": TIME, "is_closed": Flag()}),
            }
        ),
        "notes": NOTES,
        "disabled": Cell(Flag(), default=False, find=True),
    },
    name="client_location",
)

SPECIALITY = sheet(
    "/speciality",
    PAGING,
    "Speciality",
    {
        "name": Cell(NAME, must=True),
        "disabled": Cell(Flag(), default=False, find=True),
    },
    name="speciality",
)

TAGS = sheet(
    "/tag",
    LINKS,
    "TagSchema",
    {
        "name": Cell(Text(64), must=True, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="tag",
    noun=TAG,
    meta=True,
)

RESOURCES = (
    CLIENT_CHANNEL,
    CLIENT_CONTACT,
    CLIENT_LOCATION,
    SPECIALITY,
    TAGS,
)
NOUNS = nouns(*(r for r in RESOURCES if r is not TAGS))

ACTIONS = (
    removal(CLIENT_LOCATION, "bulkDeleteClientLocations"),
    removal(SPECIALITY, "bulkDeleteSpecialities"),
)
