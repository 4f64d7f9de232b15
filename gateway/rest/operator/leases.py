"""The lease on a session's vehicle: look at it, ask for it, take it over, give it up."""

from __future__ import annotations

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.rest.operator.door import OperatorDoor
from gateway.sessions.lease_view import describe_lease
from gateway.sessions.session import Session
from gateway.web.auth import require_operator
from gateway.web.bodies import from_json


class LeaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /sessions/{id}/lease``; none at all asks for a lease that is free.

    Attributes:
        take_over: where it is not, have it when its holder's notice has run out.
    """

    take_over: bool = False


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/sessions/{id}/lease``."""
    routes = Blueprint("operator_leases", __name__)

    async def mine(session_id: str) -> Session:
        return door.sessions.find(await require_operator(door.identity), session_id)

    def show(session: Session) -> Response:
        return jsonify(describe_lease(session, door.sessions.leasing.view(session)))

    @routes.get("/sessions/<session_id>/lease")
    async def get_lease(session_id: str) -> Response:
        return show(await mine(session_id))

    @routes.post("/sessions/<session_id>/lease")
    async def take_lease(session_id: str) -> Response:
        session = await mine(session_id)
        data = await request.get_data(cache=False, as_text=False, parse_form_data=False)
        body = from_json(data, LeaseBody) if data.strip() else LeaseBody()
        door.sessions.acquire_lease(session, take_over=body.take_over)
        answer = show(session)
        # It moves later: accepted, not done (RFC 9110, 15.3.3).
        answer.status_code = 200 if session.writer else 202
        return answer

    @routes.delete("/sessions/<session_id>/lease")
    async def give_up_lease(session_id: str) -> tuple[str, int]:
        await door.sessions.leasing.release(await mine(session_id))
        return "", 204

    return routes
