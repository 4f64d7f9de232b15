"""VAT numbers (contracts/repair.yaml, VIES VAT Check)."""

from __future__ import annotations

from gateway.backoffice.action import Action, Call
from gateway.backoffice.kinds import Identifier, Text
from gateway.backoffice.nouns.messages import VAT_CHECK
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.reading import show
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.resource import Field, Filter, Input, Operation, Resource, Shape
from gateway.backoffice.rules import vat_numbers
from gateway.backoffice.shop import Shop, Values

RESULT = Shape(
    "ViesResult",
    VAT_CHECK,
    tuple(
        Field(name)
        for name in (
            "is_valid",
            "name",
            "vat_number",
            "country_code",
            "address",
            "consultation_number",
            "checked_at",
            "source",
        )
    ),
)

CHECKS = Resource(
    name="vat_check",
    profile=PAGED,
    path="/vies/checks",
    shape=RESULT,
    ability="vies",
    operations=frozenset({Operation.LIST}),
    filters=(Filter("invoice_id"),),
)

RESOURCES = (CHECKS,)


async def _check(call: Call) -> object:
    number = vat_numbers.split(call.values["vat_number"], call.values.get("country_code"))
    invoice_id = call.values.get("invoice_id")
    await call.read(lambda shop: vat_numbers.check_invoice(shop, invoice_id))
    found = await _found(call, *number)

    def keep(shop: Shop) -> object:
        check_id = vat_numbers.record(shop, number, found, invoice_id)
        return show(shop, RESULT, shop.get("vat_check", check_id))

    return await call.write(keep)


async def _found(call: Call, country: str, rest: str) -> Values:
    if not vat_numbers.is_plausible(country, rest):
        return {"is_valid": False, "source": "offline"}
    known = await call.read(lambda shop: vat_numbers.cached(shop, country + rest))
    if known is not None:
        return known | {"source": "cache"}
    url = f"{call.outside.address('vies')}/check-vat-number"
    body = {"countryCode": country, "vatNumber": rest}
    reply = await call.outside.ask("POST", url, json=body, again=True)
    if not reply.ok or not isinstance(reply.document, dict):
        raise Upstream(f"VIES answered with status {reply.status}.")
    return vat_numbers.answer_of(reply.document) | {"source": "vies"}


ACTIONS = (
    Action(
        "checkVatNumber",
        REPAIR,
        "POST",
        "/vies/check",
        "Ask whether a VAT number is good",
        RESULT,
        _check,
        inputs=(
            Input("vat_number", Text(32), required=True),
            Input("country_code", Text(2, pattern="^[A-Z]{2}$")),
            Input("invoice_id", Identifier()),
        ),
        ability="vies:write",
        tag="vies",
    ),
)
