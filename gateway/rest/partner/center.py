"""The service centre of a provider, and what is said in the channels of its tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.chat.shapes import message_shape
from gateway.domain.errors import Invalid
from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    created,
    guarded,
    moment,
)
from gateway.storage.queries.chat import Message
from gateway.tickets.service_center import CenterState, ServiceCenter
from gateway.web import parameters
from gateway.web.bodies import read_json


class ServiceCenterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``PUT /service-center``; the last two with state ``scheduled`` only."""

    state: CenterState
    schedule_ends_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    schedule_reason: str | None = None


class MessageBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /messenger-channel/messages``."""

    channel_id: UUID
    content: Annotated[str, msgspec.Meta(max_length=100_000)]


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes of service centre and messages below ``/partner/v2/tickets``."""
    routes = guarded(door, "partner_center")
    _add_center(routes, door)
    _add_messages(routes, door)
    return routes


def _add_center(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get("/tickets/service-center")
    async def get_center() -> Response:
        return jsonify(_center(await door.tickets.service_center(caller().provider_id)))

    @routes.put("/tickets/service-center")
    async def change_center() -> Response:
        body = await read_json(request, ServiceCenterBody)
        wanted = ServiceCenter(body.state, body.schedule_ends_at, body.schedule_reason)
        return jsonify(_center(await door.tickets.change_service_center(caller(), wanted)))


def _add_messages(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get("/tickets/messenger-channel/messages")
    async def list_messages() -> Response:
        channel = parameters.required(parameters.uuid(request.args, "channel_id"), "channel_id")
        token = parameters.integer(request.args, "next_token")
        limit = parameters.integer(request.args, "limit", least=1, most=door.pages.most)
        limit = limit or door.pages.default
        found = await door.chat.history(caller(), channel, before=token, limit=limit)
        shown = [_message(channel, message) for message in found.messages]
        # There may be no further ones: the next page is empty then, and has no token.
        more = str(found.messages[-1].id) if len(shown) == limit else None
        return jsonify({"result": shown, "next_token": more})

    @routes.post("/tickets/messenger-channel/messages")
    async def say() -> Response:
        body = await read_json(request, MessageBody)
        if not body.content.strip():
            raise Invalid("chat.empty", "Say something.", field="content")
        said = await door.chat.say(caller(), body.channel_id, body.content)
        return created(_message(body.channel_id, said))


def _center(center: ServiceCenter) -> Json:
    is_scheduled = center.state is CenterState.SCHEDULED
    return {
        "state": center.state.value,
        "schedule_ends_at": moment(center.ends_at),
        "schedule_reason": center.message if is_scheduled else None,
    }


def _message(channel: UUID, message: Message) -> Json:
    shape = message_shape(channel, message)
    names = ("id", "content", "created_at", "sender", "type", "attachment")
    # Nothing that was said is ever taken out here.
    return {"redacted": False, **{name: shape[name] for name in names}}
