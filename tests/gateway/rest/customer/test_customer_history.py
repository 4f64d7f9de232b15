from __future__ import annotations

from gateway.rest.customer.history import historical_shape
from gateway.tickets.life import Report
from tests.gateway.portals import Portal, conforms
from tests.gateway.workshops import GOLF, MINE


async def test_a_cancelled_ticket_is_history_but_served_no_vehicle(portal: Portal) -> None:
    workshop = portal.workshop
    workshop.presence.plug_in(MINE)
    cancelled = await workshop.service.create(workshop.customer, workshop.order())
    ended = await workshop.service.cancel(workshop.operator, cancelled.id, 2)
    conforms(historical_shape(ended, 6), "HistoricalTicket")
    past = await portal.get("/v1/historical-tickets", "HistoricalTicketPage")
    assert [(one["id"], one["state"]) for one in past["result"]] == [(cancelled.id, 6)]
    served = await portal.get("/v1/historical-vehicles", "ServicedVehiclePage")
    assert served["total"] == 0
    closed = await workshop.service.create(workshop.customer, workshop.order())
    await workshop.service.begin(workshop.operator, closed.id)
    await workshop.service.close(workshop.operator, closed.id, Report())
    served = await portal.get("/v1/historical-vehicles", "ServicedVehiclePage")
    assert [one["vin"] for one in served["result"]] == [GOLF]
