"""Connections to other services (contracts/repair.yaml, Integration Configuration Hub)."""

from __future__ import annotations

import trio

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Action, Call, Run
from gateway.backoffice.catalogue.repair.shapes import (
    FLAG,
    MOMENT,
    NULL_MOMENT,
    OPEN,
    TEXT,
    listed,
    members,
)
from gateway.backoffice.checks import CHECKS
from gateway.backoffice.kinds import Document, Flag, Schema
from gateway.backoffice.moments import Moment
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import integrations
from gateway.domain.errors import GatewayError

#: Seconds for a whole check, however many calls it takes.
TIME_LIMIT = 10.0

_INTEGRATION = members(
    slug={"type": "string", "enum": list(integrations.SERVICES)},
    name=TEXT,
    is_enabled=FLAG,
    config=OPEN,
    updated_at=NULL_MOMENT,
    last_tested_at=NULL_MOMENT,
)


async def _list(call: Call) -> object:
    sealer = call.outside.sealer
    return await call.read(lambda shop: integrations.listing(shop, sealer))


async def _show(call: Call) -> object:
    sealer, slug = call.outside.sealer, call.path["slug"]
    return await call.read(lambda shop: integrations.shown(shop, sealer, slug))


async def _update(call: Call) -> object:
    sealer, slug = call.outside.sealer, call.path["slug"]
    return await call.write(lambda shop: integrations.update(shop, sealer, slug, call.values))


async def _test(call: Call) -> object:
    """Try a connection; whatever goes wrong is an answer, not a failure."""
    slug, sealer = call.path["slug"], call.outside.sealer
    service = integrations.service_of(slug)
    settings = await call.read(lambda shop: integrations.settings(shop, sealer, slug))
    lacking = integrations.missing(slug, settings)
    success, message = False, f"These settings are missing: {', '.join(lacking)}."
    if not lacking:
        success, message = await _tried(call, slug, service.name, settings)
    await call.write(lambda shop: integrations.note_test(shop, slug))
    stamp = Moment().render(call.services.clock())
    return {"success": success, "message": message, "tested_at": stamp}


async def _tried(call: Call, slug: str, name: str, settings: dict[str, str]) -> tuple[bool, str]:
    try:
        with trio.fail_after(TIME_LIMIT):
            account = await CHECKS[slug](call.outside, settings)
    except trio.TooSlowError:
        return False, f"{name} did not answer within {TIME_LIMIT:.0f} seconds."
    except (Upstream, GatewayError) as error:
        return False, error.detail
    except (OSError, ValueError) as error:
        return False, f"{name} could not be reached ({type(error).__name__})."
    return True, f"Connected to {name}: {account}."


def _action(
    name: str,
    how: str,
    summary: str,
    run: Run,
    answer: Schema,
    *,
    inputs: tuple[Input, ...] = (),
    also: tuple[str, ...] = (),
) -> Action:
    method, path = how.split(" ")
    return Action(
        name,
        REPAIR,
        method,
        path,
        summary,
        answer,
        run,
        inputs,
        ability=f"integrations:{'read' if method == 'GET' else 'write'}",
        roles=ADMINS,
        also=also,
        tag="integrations",
    )


ACTIONS = (
    _action("listIntegrations", "GET /integrations", "All services", _list, listed(_INTEGRATION)),
    _action("showIntegration", "GET /integrations/{slug}", "One service", _show, _INTEGRATION),
    _action(
        "updateIntegration",
        "PUT /integrations/{slug}",
        "Change settings; a mask leaves a secret as it is",
        _update,
        members(slug=TEXT, is_enabled=FLAG, updated_at=MOMENT),
        inputs=(Input("config", Document()), Input("is_enabled", Flag())),
        also=("PATCH",),
    ),
    _action(
        "testIntegration",
        "POST /integrations/{slug}/test",
        "Try the connection with the stored settings",
        _test,
        members(success=FLAG, message=TEXT, tested_at=MOMENT),
    ),
)
