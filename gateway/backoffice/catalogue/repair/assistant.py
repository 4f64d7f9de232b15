"""The repair assistant (contracts/repair.yaml, AI Repair Assistant)."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    FLAG,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.checks import openai_address, openai_headers
from gateway.backoffice.kinds import Choice, Flag, Identifier, Number, Text, Whole
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import assistant, integrations
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Throttled

_MODULE = "assistant"

_CONFIG = members(
    enabled=FLAG,
    openai_model=TEXT,
    diagnosis_cost=AMOUNT,
    diagnosis_tax_rate_id=WHOLE,
    max_suggestions=WHOLE,
)

_SUGGESTION = members(
    name=TEXT,
    confidence={"type": "string", "enum": ["high", "medium", "low"]},
    estimated_price=AMOUNT,
    description=TEXT,
    requires_diagnosis=FLAG,
)


async def _diagnose(call: Call) -> object:
    values = call.values
    chosen = await call.read(assistant.begin)
    if await call.read(lambda shop: shop.find("integration", slug="openai", is_enabled=True)):
        found, tokens = await _ask_model(call, chosen["openai_model"])
        source = "openai"
    else:
        found = await call.read(lambda shop: assistant.from_own_orders(shop, values))
        tokens, source = 0, "own orders"

    def finish(shop: Shop) -> Values:
        answer = assistant.priced(shop, found, chosen, values)
        assistant.keep(shop, values, answer, source, tokens)
        return answer

    return await call.write(finish)


async def _ask_model(call: Call, model: str) -> tuple[Values, int]:
    sealer = call.outside.sealer
    settings = await call.read(lambda shop: integrations.enabled(shop, sealer, "openai"))
    body = await call.read(lambda shop: assistant.question(shop, call.values, model))
    url = f"{openai_address(call.outside, settings)}/chat/completions"
    ask = call.outside.ask_typed if settings.get("base_url") else call.outside.ask
    reply = await ask("POST", url, json=body, headers=openai_headers(settings))
    if reply.status == 429:
        raise Throttled("assistant.quota", "The assistant's quota is used up. Try again later.")
    if not reply.ok:
        raise Upstream(f"The assistant answered with status {reply.status}.")
    return assistant.answer_of(reply.document)


def _settings(shop: Shop, _: Values) -> object:
    return assistant.settings(shop)


_SECTION = Section(REPAIR, "ai", module=_MODULE)

ACTIONS = (
    _SECTION.action(
        "POST",
        "aiDiagnose",
        "/ai/diagnose",
        "What is probably wrong, and what it would cost",
        members(suggestions=listed(_SUGGESTION), advice=TEXT, not_repairable=FLAG),
        _diagnose,
        inputs=(
            Input("device_brand", Text(100), required=True),
            Input("device_model", Text(100), required=True),
            Input("symptoms", Text(4_000), required=True),
            Input("customer_type", Choice(("individual", "business")), required=True),
        ),
        aliases=("/ai/suggest", "/ai/suggestions"),
    ),
    _SECTION.action(
        "GET",
        "getAiConfig",
        "/ai/config",
        "How the assistant works here",
        _CONFIG,
        in_shop(_settings, writes=False),
    ),
    _SECTION.action(
        "PUT",
        "setAiConfig",
        "/ai/config",
        "Change how the assistant works",
        _CONFIG,
        in_shop(assistant.set_settings),
        inputs=(
            Input("enabled", Flag()),
            Input("openai_model", Text(64)),
            Input("diagnosis_cost", Number(2, Decimal(0))),
            Input("diagnosis_tax_rate_id", Identifier()),
            Input("max_suggestions", Whole(1, 10)),
        ),
        roles=ADMINS,
        also=("PATCH",),
    ),
)
