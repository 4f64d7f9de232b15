"""The telephone exchange (contracts/repair.yaml, 3CX Integration)."""

from __future__ import annotations

from typing import Any

from gateway.backoffice import exchange
from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    FLAG,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Identifier, Schema, Text
from gateway.backoffice.moments import DayEdge
from gateway.backoffice.nouns.messages import PBX_CALL
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.resource import (
    Field,
    Filter,
    Input,
    Match,
    Operation,
    Resource,
    Shape,
)
from gateway.backoffice.rules import integrations, telephony
from gateway.domain.errors import GatewayError

CALLS = Resource(
    name="pbx_call",
    profile=PAGED,
    path="/v1/3cx/calls",
    shape=Shape(
        "PbxCall",
        PBX_CALL,
        (
            Field("id"),
            Field("caller"),
            Field("callee"),
            Field("extension", empty=""),
            Field("duration_sec"),
            Field("outcome"),
            Field("started_at"),
            Field("customer_id"),
            Field("direction"),
        ),
    ),
    ability="telephony",
    module="telephony",
    operations=frozenset({Operation.LIST}),
    order=("-started_at",),
    filters=(
        Filter("from", ("started_at",), Match.FROM, DayEdge()),
        Filter("to", ("started_at",), Match.BELOW, DayEdge(following=True)),
        Filter("extension"),
        Filter("outcome"),
    ),
)

RESOURCES = (CALLS,)


async def _status(call: Call) -> object:
    """Ask the exchange whether it is there; the counters come from the log."""
    counters = await call.read(telephony.counters)
    try:
        active = len(await _live(call, "ActiveCalls"))
    except GatewayError:
        return counters | {"connected": False, "active_calls": 0}
    return counters | {"connected": True, "active_calls": active}


async def _queue(call: Call) -> object:
    """Return who waits, as the exchange says it now."""
    waiting = [
        {
            "caller": str(row.get("Caller") or ""),
            "waiting_sec": int(row.get("WaitingSeconds") or 0),
            "position": int(row.get("Position") or index),
        }
        for index, row in enumerate(await _live(call, "QueueCalls"), 1)
    ]
    return sorted(waiting, key=lambda entry: int(str(entry["position"])))


async def _live(call: Call, what: str) -> list[dict[str, Any]]:  # Any: JSON of the exchange
    """Return rows of the exchange's own tables; raises ``Upstream``."""
    sealer = call.outside.sealer
    settings = await call.read(lambda shop: integrations.settings(shop, sealer, "3cx"))
    return await exchange.rows(call.outside, settings, what)


async def _config(call: Call) -> object:
    sealer = call.outside.sealer
    return await call.read(lambda shop: telephony.config(shop, sealer))


async def _set_config(call: Call) -> object:
    url = call.values.get("api_url")
    if url is not None and not url.startswith(("https://", "http://")):
        raise broken_rule("The api_url must begin with https://.")
    if url is not None:
        await call.outside.check_address(url)
    sealer = call.outside.sealer
    return await call.write(lambda shop: telephony.set_config(shop, sealer, call.values))


_CONFIG = members(
    api_url=TEXT, api_key=TEXT, extension_map={"type": "object", "additionalProperties": TEXT}
)
_EXTENSION = members(user_id=WHOLE, name=TEXT, extension=TEXT)
_STATUS: Schema = members(
    connected=FLAG,
    calls_today=WHOLE,
    missed_today=WHOLE,
    avg_duration_sec=WHOLE,
    active_calls=WHOLE,
)

_SECTION = Section(REPAIR, "telephony", module="telephony")

ACTIONS = (
    _SECTION.action(
        "GET",
        "pbxStatus",
        "/v1/3cx/status",
        "Whether the exchange is there, and today's calls",
        _STATUS,
        _status,
        aliases=("/v1/3cx", "/v1/3cx/dashboard"),
    ),
    _SECTION.action(
        "GET",
        "listPbxQueue",
        "/v1/3cx/queue",
        "Who waits now",
        listed(members(caller=TEXT, waiting_sec=WHOLE, position=WHOLE)),
        _queue,
    ),
    _SECTION.action(
        "GET",
        "getPbxConfig",
        "/v1/3cx/config",
        "Settings of the exchange",
        _CONFIG,
        _config,
        roles=ADMINS,
    ),
    _SECTION.action(
        "PUT",
        "setPbxConfig",
        "/v1/3cx/config",
        "Change the settings of the exchange",
        _CONFIG,
        _set_config,
        inputs=(Input("api_url", Text()), Input("api_key", Text())),
        roles=ADMINS,
        also=("PATCH", "POST"),
    ),
    _SECTION.action(
        "GET",
        "listPbxExtensions",
        "/v1/3cx/extensions",
        "Whose extension is which",
        listed(_EXTENSION),
        in_shop(telephony.extensions, writes=False),
    ),
    _SECTION.action(
        "POST",
        "setPbxExtension",
        "/v1/3cx/extensions",
        "Give an employee an extension",
        _EXTENSION,
        in_shop(telephony.set_extension),
        inputs=(
            Input("user_id", Identifier(), required=True),
            Input("extension", Text(5, pattern=r"^\d{2,5}$"), required=True),
        ),
        roles=ADMINS,
        also=("PUT",),
    ),
)
