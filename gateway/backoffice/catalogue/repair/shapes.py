"""Pieces that several sections of the repair API show: people by name, statuses, plain objects."""

from __future__ import annotations

from collections.abc import Callable

from gateway.backoffice.kinds import Schema
from gateway.backoffice.noun import Noun
from gateway.backoffice.nouns import CUSTOMER, SHOP_USER, WORK_ORDER
from gateway.backoffice.resource import Computed, Field, Row, Shape
from gateway.backoffice.rules import customers, documents

#: Schemas by the name of what they hold.
AMOUNT: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NULL_TEXT: Schema = {"type": ["string", "null"]}
NULL_WHOLE: Schema = {"type": ["integer", "null"]}
NULL_AMOUNT: Schema = {"type": ["number", "null"]}
MOMENT: Schema = {"type": "string", "format": "date-time"}
NULL_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
OPEN: Schema = {"type": "object", "additionalProperties": True}


def members(**properties: Schema) -> Schema:
    """Return the schema of an object that has all of ``properties``."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list of ``schema``."""
    return {"type": "array", "items": schema}


NAME_REF = members(id=WHOLE, name=TEXT)
MESSAGE = members(message=TEXT)

#: Who did it when nobody at the desk did.
SYSTEM = {"id": 0, "name": "Diagnostics gateway"}

CUSTOMER_REF = Shape(
    "CustomerRef",
    CUSTOMER,
    (
        Field("id"),
        Computed("name", {"type": "string"}, lambda row: customers.full_name(dict(row.values))),
    ),
)
USER_REF = Shape("UserRef", SHOP_USER, (Field("id"), Field("name")))
ORDER_REF = Shape("WorkOrderRef", WORK_ORDER, (Field("id"), Field("ticket_no")))


def line_shape(name: str, noun: Noun, rate: str, *, net: bool = False) -> Shape:
    """Return how a document's line is shown.

    Args:
        name: of the shape.
        noun: the lines'.
        rate: how the API spells the VAT rate.
        net: it also shows the amount without VAT.
    """
    amounts = (
        Computed("total_excl", AMOUNT, lambda row: documents.line_money(row.values).excluding),
        Computed("total_incl", AMOUNT, lambda row: documents.line_money(row.values).including),
    )
    given = (Field("id"), Field("description"), Field("qty", "quantity"), Field("unit_price"))
    return Shape(name, noun, (*given, Field(rate, "vat_rate"), *amounts[0 if net else 1 :]))


def author(relation: str = "user") -> Callable[[Row], object]:
    """Return what shows the user that ``relation`` leads to, or the gateway itself."""

    def shown(row: Row) -> object:
        user = row.one(relation)
        return SYSTEM if user is None else {"id": user.values["id"], "name": user.values["name"]}

    return shown


def column_of(relation: str, column: str) -> Callable[[Row], object]:
    """Return what shows a column of the row that ``relation`` leads to, ``None`` without it."""

    def shown(row: Row) -> object:
        other = row.one(relation)
        return None if other is None else other.values[column]

    return shown
