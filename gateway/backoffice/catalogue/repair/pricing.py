"""Prices for customers (contracts/repair.yaml, Pricing & Price Agreements)."""

from __future__ import annotations

import trio

from gateway.backoffice.action import Action, Call, Section, in_shop, verb
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    FLAG,
    MOMENT,
    NULL_TEXT,
    TEXT,
    WHOLE,
    members,
)
from gateway.backoffice.kinds import Identifier, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.nouns.trade import PRICE_AGREEMENT
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.reading import absent
from gateway.backoffice.records import File
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Resource,
    Row,
    Shape,
    Write,
    to_one,
)
from gateway.backoffice.rules import press, pricing, printing
from gateway.backoffice.shop import Shop, Values


def _contract_url(agreement_id: int) -> str:
    return f"{REPAIR.mount}/pricing/agreements/{agreement_id}/contract"


def _contract(row: Row) -> object:
    return _contract_url(row.values["id"]) if row.values["generated_at"] else None


def _signature(row: Row) -> object:
    if row.values["signed_at"] is None:
        return None
    return f"{REPAIR.mount}/pricing/agreements/{row.values['id']}/signature"


AGREEMENTS = Resource(
    name="price_agreement",
    profile=PAGED,
    path="/pricing/agreements",
    shape=Shape(
        "PriceAgreement",
        PRICE_AGREEMENT,
        (
            Field("id"),
            Field("status", write=Write.NEVER),
            Field("customer_id", required=True, write=Write.CREATE),
            Field("service_id", required=True),
            Field("agreed_price", required=True),
            Field("valid_from", required=True),
            Field("valid_until"),
            Field("notes"),
            Field("activated_at", write=Write.NEVER),
            Field("signed_at", write=Write.NEVER),
            Computed("signature_url", NULL_TEXT, _signature),
            Computed("contract_url", NULL_TEXT, _contract),
            Field("generated_at", write=Write.NEVER),
            Field("created_at"),
        ),
        (to_one("customer", "customer"), to_one("service", "product", "service_id")),
    ),
    ability="pricing",
    filters=(
        Filter("customer_id"),
        Filter("status"),
        Filter(
            "search",
            (
                "notes",
                "service.name",
                "customer.first_name",
                "customer.last_name",
                "customer.company_name",
            ),
            Match.SEARCH,
        ),
    ),
    create=pricing.create,
    change=pricing.change,
    remove=pricing.remove,
)

RESOURCES = (AGREEMENTS,)


async def _sign(call: Call) -> object:
    values = call.values | {"id": call.id(), "address": call.address}
    return await call.write(lambda shop: pricing.sign(shop, values))


async def _generate(call: Call) -> object:
    agreement_id = call.id()
    paper = await call.read(lambda shop: printing.contract_paper(shop, agreement_id))
    data = await trio.to_thread.run_sync(press.pdf, paper)

    def store(shop: Shop) -> Values:
        stamped = {"contract": data, "generated_at": shop.now}
        shop.change("price_agreement", agreement_id, stamped)
        url, stamp = _contract_url(agreement_id), Moment().render(shop.now)
        return {"id": agreement_id, "contract_url": url, "generated_at": stamp}

    return await call.write(store)


def _stored(column: str, name: str, media: str) -> Action:
    what = {"contract": "downloadPriceContract", "signature": "downloadPriceSignature"}[column]

    def find(shop: Shop, values: Values) -> object:
        data = shop.get("price_agreement", values["id"])[column]
        if data is None:
            raise absent(column)
        return File(f"{name}-{values['id']}.{media.rpartition('/')[2]}", media, data)

    return Action(
        what,
        REPAIR,
        "GET",
        f"/pricing/agreements/{{id}}/{column}",
        f"The {column} of an agreement",
        {"type": "string", "format": "binary"},
        in_shop(find, writes=False),
        ability="pricing:read",
        media=media,
        tag="pricing",
    )


_SECTION = Section(REPAIR, "pricing")

ACTIONS = (
    _SECTION.action(
        "GET",
        "checkPrice",
        "/pricing/check",
        "What a service costs a customer",
        members(
            has_agreement=FLAG,
            agreement={"type": ["object", "null"], "additionalProperties": True},
            business_discount_pct=AMOUNT,
            recommended_price=AMOUNT,
            base_price=AMOUNT,
            discount_amount=AMOUNT,
        ),
        in_shop(pricing.check_price, writes=False),
        query=(
            Input("customer_id", Identifier(), required=True),
            Input("service_id", Identifier(), required=True),
        ),
        aliases=("/pricing", "/pricing/resolve"),
    ),
    verb(
        AGREEMENTS,
        "activatePriceAgreement",
        "activate",
        pricing.activate,
        summary="Let a draft count",
        answer=members(id=WHOLE, status=TEXT, activated_at=MOMENT),
        also=("PATCH",),
    ),
    _SECTION.action(
        "POST",
        "signPriceAgreement",
        "/pricing/agreements/{id}/sign",
        "Sign an agreement with a PNG",
        members(id=WHOLE, status=TEXT, signed_at=MOMENT),
        _sign,
        inputs=(Input("signature_data", Text(1_500_000), required=True),),
    ),
    _SECTION.action(
        "POST",
        "generatePriceContract",
        "/pricing/agreements/{id}/contract",
        "Print the contract anew",
        members(id=WHOLE, contract_url=TEXT, generated_at=MOMENT),
        _generate,
        aliases=("/pricing/agreements/{id}/generate-contract",),
    ),
    _stored("contract", "contract", "application/pdf"),
    _stored("signature", "signature", "image/png"),
)
