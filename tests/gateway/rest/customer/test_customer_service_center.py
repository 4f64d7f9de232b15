from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from gateway.rest.customer.service_center import PRICING_VERSION
from gateway.storage.tables.identity import service_provider
from gateway.tickets.service_center import CenterState, ServiceCenter
from tests.gateway.portals import Portal


async def test_a_portal_sees_the_service_centre_it_orders_at(portal: Portal) -> None:
    await portal.workshop.database.write(
        lambda c: c.execute(
            update(service_provider)
            .where(service_provider.c.id == 1)
            .values(
                company_name="Remote BV",
                header_background_color="#fff",
                theme_color="#036",
                header_logo_path="/logo.svg",
                service_message="Closed on Friday",
                csat_enabled=False,
            )
        )
    )
    shown = await portal.get("/v1/service-center", "ServiceCenter")
    assert shown == {
        "name": "Remote BV",
        "payment_by_prepaid_wallet": False,
        "pricing_version": PRICING_VERSION,
        "primary_background_color": "#fff",
        "logo": "/logo.svg",
        # It is written, but not switched on.
        "service_message": None,
        "primary_color": "#036",
        "csat_enabled": False,
    }
    other = await portal.get("/v1/service-center", "ServiceCenter", token="far")
    assert other["name"] == "Another Service"


async def test_its_state_follows_the_operator_and_the_time(portal: Portal) -> None:
    workshop, path = portal.workshop, "/v1/service-center/status"
    opened = {"state": "opened", "ends_at": None, "message": None}
    assert await portal.get(path, "ServiceCenterState") == opened
    until = portal.clock() + timedelta(hours=1)
    wanted = ServiceCenter(CenterState.SCHEDULED, until, "Stocktaking")
    await workshop.service.change_service_center(workshop.operator, wanted)
    assert await portal.get(path, "ServiceCenterState") == {
        "state": "scheduled",
        "ends_at": "2026-03-02T10:30:00Z",
        "message": "Stocktaking",
    }
    portal.clock.advance(3_600)
    assert await portal.get(path, "ServiceCenterState") == opened
    closed = ServiceCenter(CenterState.CLOSED)
    await workshop.service.change_service_center(workshop.operator, closed)
    assert (await portal.get(path, "ServiceCenterState"))["state"] == "closed"
