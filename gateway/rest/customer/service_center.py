"""``/v1/service-center``: the provider's service centre, and whether it serves now."""

from __future__ import annotations

from quart import Blueprint, Response

from gateway.domain.errors import NotFound
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, moment, reply
from gateway.storage.queries import identity
from gateway.storage.queries.identity import Provider
from gateway.tickets.service_center import ServiceCenter
from gateway.web.auth import require_customer

#: How prices are spelled: 1 was the single price of each product, 2 has gross, net and discounts.
PRICING_VERSION = 2


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the service centre's routes."""
    routes = Blueprint("customer_service_center", __name__)

    @routes.get(PATHS["getServiceCenter"])
    async def get_center() -> Response:
        customer = await require_customer(door.identity)
        provider = await door.database.read(identity.find_provider, customer.provider_id)
        if provider is None:
            raise NotFound("provider.unknown", "Your service provider is not known any more.")
        return reply(center_shape(provider))

    @routes.get(PATHS["getServiceCenterState"])
    async def get_state() -> Response:
        customer = await require_customer(door.identity)
        return reply(state_shape(await door.tickets.service_center(customer.provider_id)))

    return routes


def center_shape(provider: Provider) -> Json:
    """Return a service centre with what a portal shows of it."""
    return {
        "name": provider.company_name or provider.name,
        "payment_by_prepaid_wallet": provider.payment_by_prepaid_balance,
        "pricing_version": PRICING_VERSION,
        "primary_background_color": provider.header_background_color,
        "logo": provider.header_logo_path,
        "service_message": provider.service_message if provider.service_message_active else None,
        "primary_color": provider.theme_color,
        "csat_enabled": provider.csat_enabled,
    }


def state_shape(center: ServiceCenter) -> Json:
    """Return whether it serves; ``ends_at`` in UTC."""
    return {
        "state": center.state.value,
        "ends_at": moment(center.ends_at),
        "message": center.message,
    }
