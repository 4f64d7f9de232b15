"""``/partner``: the API for service providers and their operators.

token          client credentials for an access token (RFC 6749, 4.4)
door           what every other request goes through: token, rate limit; lists
tickets        by state, and what a provider does with them
prepared       written down for a garage to order
outsources     what is asked of other providers
center         the service centre, and messages in tickets' channels
events         what happened, from any event on
customers      garages and their connectors
contact_points how garages are reached
employees      people of garages
vehicles       makes, model groups, models
"""

from __future__ import annotations

from collections.abc import Iterator

from quart import Blueprint

from gateway.rest.partner import (
    center,
    contact_points,
    customers,
    employees,
    events,
    outsources,
    prepared,
    tickets,
    vehicles,
)
from gateway.rest.partner.door import PartnerDoor

#: Every part takes the same door.
PARTS = (
    tickets,
    prepared,
    outsources,
    center,
    events,
    customers,
    contact_points,
    employees,
    vehicles,
)


def blueprints(door: PartnerDoor) -> Iterator[Blueprint]:
    """Yield the routes below ``/partner/v2``."""
    for part in PARTS:
        yield part.blueprint(door)
