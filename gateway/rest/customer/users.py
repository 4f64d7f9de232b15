"""``/v1/users/me``: the caller, their garage and its provider, as the portal shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quart import Blueprint, Response

from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import NotFound
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, moment, reply
from gateway.storage.database import Connection, Database
from gateway.storage.queries import identity as people
from gateway.storage.queries import wallets
from gateway.storage.queries.identity import CurrentUser, Provider, Tenant
from gateway.storage.queries.wallets import Wallet
from gateway.tickets.service_center import CenterState, service_center
from gateway.web.auth import CustomerIdentity, require_customer


@dataclass(frozen=True, slots=True)
class UsersDoor:
    """What the handlers need."""

    identity: CustomerIdentity
    database: Database
    clock: Clock = utc_now


def blueprint(door: UsersDoor) -> Blueprint:
    """Return the routes below ``/v1/users``."""
    routes = Blueprint("customer_users", __name__)

    @routes.get(PATHS["getCurrentUser"])
    async def me() -> Response:
        customer = await require_customer(door.identity)

        def read(connection: Connection) -> tuple[CurrentUser | None, Wallet]:
            known = people.current_user(connection, customer.user_id)
            return known, wallets.find(connection, customer.tenant_id)

        known, wallet = await door.database.read(read)
        if known is None:
            raise NotFound("user.gone", "This user does not exist any more. Sign in again.")
        return reply(_user(known, wallet, door.clock()))

    return routes


def _user(known: CurrentUser, wallet: Wallet, now: datetime) -> Json:
    return {
        "id": str(known.user.uuid),
        "first_name": known.user.given_name,
        "middle_name": known.user.middle_name,
        "last_name": known.user.family_name,
        "client": _client(known.tenant),
        "service_provider": _service_provider(known.provider, wallet, now),
    }


def _client(tenant: Tenant) -> Json:
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


def _service_provider(provider: Provider, wallet: Wallet, now: datetime) -> Json:
    center = service_center(provider, now)
    is_scheduled = center.state is CenterState.SCHEDULED
    return {
        "id": provider.id,
        "name": provider.name,
        "currency": provider.currency,
        "has_prepaid_wallet": provider.has_prepaid_wallet,
        "payment_by_prepaid_balance": provider.payment_by_prepaid_balance,
        "prepaid_wallet_settings": {"balance": f"{wallet.balance:.2f}"},
        "service_center": {
            "is_open": center.state is not CenterState.CLOSED,
            "service_message": provider.service_message,
            "service_message_active": provider.service_message_active,
            "tickets_scheduler_enabled": is_scheduled,
            "tickets_scheduler_message": center.message if is_scheduled else None,
            "tickets_scheduler_active_until": moment(center.ends_at),
        },
        "ui": {
            "company_name": provider.company_name,
            "portal_header_background_color": provider.header_background_color,
            # The contract spells it without a second underscore.
            "portal_headerlogo_path": provider.header_logo_path,
            "theme_color": provider.theme_color,
        },
    }
