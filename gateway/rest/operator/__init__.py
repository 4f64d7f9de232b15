"""``/operator/v1``: what remote operators and their scripts do over HTTP.

sessions    open, exchange, lease, end
vehicles    connectors within reach and how they are
tickets     which wait; closing and cancelling
door        what the handlers are given
"""

from __future__ import annotations

from quart import Blueprint

from gateway.rest.operator import sessions, tickets, vehicles
from gateway.rest.operator.door import OperatorDoor


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return all routes of the operator API."""
    routes = Blueprint("operator", __name__, url_prefix="/operator/v1")
    for part in (sessions, tickets, vehicles):
        routes.register_blueprint(part.blueprint(door))
    return routes
