"""VAT rates (contracts/repair.yaml, Tax Rates)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import verb
from gateway.backoffice.catalogue.repair.shapes import FLAG, TEXT, WHOLE, members
from gateway.backoffice.kinds import Flag
from gateway.backoffice.nouns.trade import TAX_RATE
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.resource import Computed, Field, Input, Operation, Resource, Shape
from gateway.backoffice.rules import tax_rates

SHAPE = Shape(
    "TaxRate",
    TAX_RATE,
    (
        Field("id"),
        Field("name", required=True),
        Field("rate", required=True),
        Field("description"),
        Computed("is_default", FLAG, lambda row: bool(row.values["default_mark"])),
    ),
)

RATES = Resource(
    name="tax_rate",
    profile=BARE,
    path="/tax-rates",
    shape=SHAPE,
    ability="tax-rates",
    roles=dict.fromkeys((Operation.CREATE, Operation.CHANGE, Operation.REMOVE), ADMINS),
    order=("rate",),
    inputs=(Input("is_default", Flag()),),
    create=tax_rates.create_rate,
    change=tax_rates.change_rate,
    remove=tax_rates.remove_rate,
)

RESOURCES = (RATES,)

ACTIONS = (
    verb(
        RATES,
        "setDefaultTaxRate",
        "set-default",
        tax_rates.set_default,
        summary="Make a rate the default",
        answer=members(id=WHOLE, name=TEXT, is_default=FLAG),
        roles=ADMINS,
        also=("PATCH", "PUT"),
        aliases=("/tax-rates/{id}/default",),
    ),
)
