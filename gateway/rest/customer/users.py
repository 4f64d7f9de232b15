"""``/v1/users/me``: the caller, their garage and its provider, as the portal shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from quart import Blueprint, Response, jsonify

from gateway.domain.errors import NotFound
from gateway.storage.database import Database
from gateway.storage.queries import identity as people
from gateway.storage.queries.identity import CurrentUser, Provider, Tenant
from gateway.web.auth import CustomerIdentity, require_customer


@dataclass(frozen=True, slots=True)
class UsersDoor:
    """What the handlers need."""

    identity: CustomerIdentity
    database: Database


def blueprint(door: UsersDoor) -> Blueprint:
    """Return the routes below ``/v1/users``."""
    routes = Blueprint("customer_users", __name__)

    @routes.get("/v1/users/me")
    async def me() -> Response:
        customer = await require_customer(door.identity)
        known = await door.database.read(people.current_user, customer.user_id)
        if known is None:
            raise NotFound("user.gone", "This user does not exist any more. Sign in again.")
        return jsonify(_user(known))

    return routes


def _user(known: CurrentUser) -> dict[str, object]:
    return {
        "id": str(known.user.uuid),
        "first_name": known.user.given_name,
        "middle_name": known.user.middle_name,
        "last_name": known.user.family_name,
        "client": _client(known.tenant),
        "service_provider": _service_provider(known.provider),
    }


def _client(tenant: Tenant) -> dict[str, object]:
    return {
        "name": tenant.name,
        "reference": tenant.reference,
        "allow_tickets_without_product": tenant.allow_tickets_without_product,
        "address": {
            "street": tenant.street,
            "postal_code": tenant.postal_code,
            "locality": tenant.locality,
            "country": tenant.country,
        },
    }


def _service_provider(provider: Provider) -> dict[str, object]:
    return {
        "id": provider.id,
        "name": provider.name,
        "currency": provider.currency,
        "has_prepaid_wallet": provider.has_prepaid_wallet,
        "payment_by_prepaid_balance": provider.payment_by_prepaid_balance,
        "prepaid_wallet_settings": {"balance": f"{provider.prepaid_balance:.2f}"},
        "service_center": {
            "is_open": provider.is_open,
            "service_message": provider.service_message,
            "service_message_active": provider.service_message_active,
            "tickets_scheduler_enabled": provider.scheduler_enabled,
            "tickets_scheduler_message": provider.scheduler_message,
            "tickets_scheduler_active_until": _time(provider.scheduler_active_until),
        },
        "ui": {
            "company_name": provider.company_name,
            "portal_header_background_color": provider.header_background_color,
            # The contract spells it without a second underscore.
            "portal_headerlogo_path": provider.header_logo_path,
            "theme_color": provider.theme_color,
        },
    }


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
