"""Field sales: storechecks."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import GEO, NAME, NOTES, Cell, later, words
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import OFFSET, PAGED
from gateway.backoffice.rules.field_sales import storechecks

STORECHECK_TEMPLATE = sheet(
    "/storecheck-template",
    PAGED,
    "StorecheckTemplateSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "description": NOTES,
        "category": Cell(NAME, find=True),
        "sections": Cell(
            Many(
                Part(
                    {
                        "title": NAME,
                        "questions": Many(
                            Part(
                                {
                                    "id": NAME,
                                    "text": NOTES,
                                    "type": words(
                                        "text",
                                        "number",
                                        "boolean",
                                        "multiple_choice",
                                        "photo",
                                        "signature",
                                    ),
                                    "required": Flag(),
                                    "options": Many(NAME),
                                }
                            )
                        ),
                    }
                )
            ),
            must=True,
        ),
        "targets": Many(NAME),
        "frequency": words("daily", "weekly", "monthly", "quarterly", "yearly", "custom"),
        "validFrom": Moment(),
        "validTo": Moment(),
        "disabled": later(Flag(), find=True),
    },
    name="storecheck_template",
    meta=True,
)

STORECHECK = sheet(
    "/activity-storecheck",
    OFFSET,
    "ActivityStorecheck",
    {
        "client": Cell(Ref("customer"), must=True),
        "rep": Cell(Ref("rep"), must=True),
        "template": Cell(Ref("storecheck_template"), must=True),
        "date": Cell(Moment(), must=True),
        "location": Part({"latitude": GEO, "longitude": GEO}),
        "responses": Many(Part({"questionId": NAME, "answer": NAME, "photos": Many(NAME)})),
        "status": Cell(words("draft", "submitted", "approved", "rejected"), default="draft"),
        "notes": NOTES,
    },
    name="storecheck",
    rules=Rules(storechecks.create, storechecks.change),
)

RESOURCES = (
    STORECHECK_TEMPLATE,
    STORECHECK,
)
NOUNS = nouns(*RESOURCES)
