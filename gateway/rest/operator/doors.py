"""Doors for diagnostic tools over HTTP: open, list, look, close."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.doors.place import Kind
from gateway.doors.service import DoorService, OpenDoor
from gateway.sessions.service import SessionService
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.bodies import read_json

#: Addresses that one door may trust.
MAX_TRUSTED = 16

#: What listens everywhere, and is no address to connect to.
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - recognised, not bound


class DoorBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../doors``.

    Attributes:
        kind: ``doip`` or ``socketcand``.
        tls: DoIP in TLS alone.
        trusted: addresses whose tools need no key: for DoIP tools that cannot send one, and for
            socketcand tools that open buses by their names.
    """

    kind: Kind
    tls: bool = False
    trusted: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=45)], ...],
        msgspec.Meta(max_length=MAX_TRUSTED),
    ] = ()


@dataclass(frozen=True, slots=True)
class ToolDoors:
    """The services behind ``.../doors``.

    Attributes:
        identity: knows operators by their tokens.
        sessions: whose vehicles.
        doors: opens and closes.
    """

    identity: OperatorIdentity
    sessions: SessionService
    doors: DoorService


def blueprint(tools: ToolDoors) -> Blueprint:
    """Return the routes below ``/operator/v1/sessions/{id}/doors``."""
    routes = Blueprint("operator_doors", __name__, url_prefix="/operator/v1")

    @routes.post("/sessions/<session_id>/doors")
    async def open_door(session_id: str) -> tuple[Response, int]:
        session = tools.sessions.find(await require_operator(tools.identity), session_id)
        body = await read_json(request, DoorBody)
        opened = await tools.doors.open(
            session, body.kind, tls=body.tls, trusted=tuple(map(_address, body.trusted))
        )
        # The key is told here and nowhere else.
        return jsonify(_face(opened) | opened.door.secrets()), 201

    @routes.get("/sessions/<session_id>/doors")
    async def list_doors(session_id: str) -> Response:
        session = tools.sessions.find(await require_operator(tools.identity), session_id)
        found = [_face(opened) for opened in tools.doors.of(session)]
        return jsonify({"result": found, "total": len(found)})

    @routes.get("/sessions/<session_id>/doors/<kind>")
    async def get_door(session_id: str, kind: str) -> Response:
        session = tools.sessions.find(await require_operator(tools.identity), session_id)
        return jsonify(_face(tools.doors.find(session, kind)))

    @routes.delete("/sessions/<session_id>/doors/<kind>")
    async def close_door(session_id: str, kind: str) -> tuple[str, int]:
        session = tools.sessions.find(await require_operator(tools.identity), session_id)
        await tools.doors.close(tools.doors.find(session, kind))
        return "", 204

    return routes


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Invalid(
            "door.trusted",
            f"{text!r} is no IP address; name those that your tools connect from.",
            field="trusted",
        ) from None


def _face(opened: OpenDoor) -> dict[str, object]:
    """Return a door as the API shows it, with an address that this caller can connect to."""
    described = opened.describe()
    if described["host"] in _EVERYWHERE:
        described["host"] = urlsplit(f"//{request.host}").hostname or "localhost"
    return described
