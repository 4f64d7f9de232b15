"""``/operator/v1``: what remote operators and their scripts do over HTTP.

sessions    open, exchange, end
leases      who may send: ask, take over, give up
buses       how the vehicle's buses are, and how they are to be run
vehicles    connectors within reach and how they are
tickets     which wait; closing and cancelling
notes       something for the garage to read, with files attached; a blueprint of its own
prepared    tickets written down for a garage
service_center  whether it serves now
door        what the handlers are given
"""

from __future__ import annotations

from quart import Blueprint

from gateway.rest.operator import (
    buses,
    leases,
    prepared,
    service_center,
    sessions,
    tickets,
    vehicles,
)
from gateway.rest.operator.door import OperatorDoor


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return all routes of the operator API."""
    routes = Blueprint("operator", __name__, url_prefix="/operator/v1")
    for part in (sessions, leases, buses, tickets, prepared, service_center, vehicles):
        routes.register_blueprint(part.blueprint(door))
    return routes
