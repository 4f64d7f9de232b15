"""Field sales: crm."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import removal
from gateway.backoffice.catalogue.field_sales.cells import (
    NAME,
    NOTES,
    Cell,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Email, Flag, Text
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
    SPECIALITY,
    TAGS,
)
NOUNS = nouns(*(r for r in RESOURCES if r is not TAGS))

ACTIONS = (removal(SPECIALITY, "bulkDeleteSpecialities"),)
