"""The story: a customer orders, an operator does the work, the garage gets its work order."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import trio

from gateway.demo.desk import Desk
from gateway.demo.http import StoryError
from gateway.demo.portal import Portal
from gateway.demo.presenter import Presenter
from gateway.demo.service import DiagnosticService, ecus_of
from gateway.demo.workshop import Workshop
from gateway.demo.world import DemoConnector, World
from gateway.domain.ticket import TicketState

#: How long the simulated vehicles may take to come online, seconds.
ONLINE_LIMIT = 30.0

#: Item number of the product the customer orders: guided fault finding with a remote operator.
PRODUCT = "100203"


@dataclass(frozen=True, slots=True)
class StoryResult:
    """What came of it; the story line.

    Attributes:
        ticket: the closed ticket as the customer sees it.
        exchanges: requests that went to vehicles.
        frames: raw CAN frames that the operator watched go by.
        events: websocket messages, customer's and operator's.
        work_order: as the garage sees it.
        seconds: how long it all took.
    """

    ticket: dict[str, Any]  # the contract's HistoricalTicket
    exchanges: int
    frames: int
    events: int
    work_order: dict[str, Any]  # the repair contract's WorkOrder
    seconds: float


class Story:
    """One telling of it."""

    def __init__(self, world: World, presenter: Presenter) -> None:
        self._world = world
        self._show = presenter
        self._portal = Portal(world.http, world.customer_ws)
        self._workshop = Workshop(world.http, world.operator_ws)
        self._desk = Desk(world.http)
        # Tells this telling's work order from those of earlier ones.
        self._reference = f"demo {secrets.token_hex(3)}"

    async def tell(self) -> StoryResult:
        """Live through the story.

        Raises:
            StoryError: it cannot go on, and why.
        """
        began = trio.current_time()
        main = self._world.connectors[0]
        try:
            await self._workshop.sign_in(
                self._world.operator.client_id, self._world.operator.client_secret
            )
            await self._wait_online()
            ticket_id = await self._order(main)
            ticket = await self._serve(main, ticket_id)
            await self._visit_others()
            order = await self._bill()
        finally:
            with trio.move_on_after(2, shield=True):
                for client in (self._portal, self._workshop, self._desk):
                    await client.client.aclose()
        return StoryResult(
            ticket=ticket,
            exchanges=self._workshop.exchanges,
            frames=self._workshop.frames,
            events=self._portal.events + self._workshop.news,
            work_order=order,
            seconds=round(trio.current_time() - began, 3),
        )

    async def _wait_online(self) -> None:
        self._show.chapter("Connectors dial in")
        waiting = list(self._world.connectors)
        with trio.move_on_after(ONLINE_LIMIT):
            while waiting:
                face = await self._workshop.connector(waiting[0].uuid)
                if face["online"] and face["vin"] is not None:
                    self._introduce(waiting.pop(0), face)
                else:
                    await trio.sleep(0.05)
            return
        names = ", ".join(f"{c.vehicle} ({c.id})" for c in waiting)
        raise StoryError(f"not online within {ONLINE_LIMIT:g} s: {names}")

    # Any: the operator API's Connector.
    def _introduce(self, connector: DemoConnector, face: Any) -> None:
        buses = ", ".join(bus["name"] for bus in face["buses"])
        names = ", ".join(ecu["name"] for ecu in face["ecus"])
        self._show.line(
            str(connector.id),
            f"{connector.kind} vehicle {face['vin']} at {face['voltage']:.1f} V "
            f"on {buses}: {names}",
        )

    async def _order(self, connector: DemoConnector) -> int:
        show, portal = self._show, self._portal
        show.chapter("A customer orders")
        if left := await self._workshop.cancel_leftovers(connector.uuid):
            show.line("operator", f"cancelled {left} ticket of an interrupted story")
        await portal.sign_in(connector.uuid, connector.pincode)
        face = await portal.connector(connector.uuid)
        show.line("customer", f"signed in with connector {face['id']}; it is online")
        order = await portal.choose(face["vin_number"], PRODUCT)
        show.line("customer", f"VIN {face['vin_number']} is a {order.vehicle}")
        cart = await portal.price(order, face["vin_number"])
        total = cart["total"]["net_price"]
        show.line(
            "customer",
            f"{order.product['name']}: {Decimal(str(total['value'])):.2f} {total['currency']}, "
            f"{len(order.answers)} questions answered",
        )
        ticket = await portal.order(order, face["vin_number"], face["id"], self._reference)
        show.line("customer", f"ticket {ticket['id']} is created (state {ticket['state']})")
        return int(ticket["id"])

    async def _serve(self, connector: DemoConnector, ticket_id: int) -> dict[str, Any]:
        show, workshop = self._show, self._workshop
        async with trio.open_nursery() as nursery:
            await nursery.start(self._portal.follow, ticket_id)
            show.chapter("A remote operator works on the vehicle")
            waiting = {int(ticket["id"]) for ticket in await workshop.pending()}
            if ticket_id not in waiting:
                raise StoryError(f"operator: ticket {ticket_id} is not among the pending ones")
            face = await workshop.connector(connector.uuid)
            session = await workshop.open(ticket_id=ticket_id)
            show.line("operator", f"took ticket {ticket_id}; session {session.id[:8]}, lease held")
            bus = next((bus["name"] for bus in face["buses"] if bus["kind"] != "doip"), None)
            await nursery.start(workshop.watch, session, bus)
            await self._portal.wait_for_state(TicketState.IN_PROGRESS)
            service = DiagnosticService(session, ecus_of(face), show)
            findings = await service.carry_out()
            await session.end()
            await workshop.close_ticket(ticket_id, findings, odometer=84_213)
            await self._portal.wait_for_state(TicketState.CLOSED)
            show.line("customer", f"saw ticket {ticket_id} close on the websocket")
            nursery.cancel_scope.cancel()
        return dict(await self._portal.client.get(f"/v1/historical-tickets/{ticket_id}"))

    async def _visit_others(self) -> None:
        """Read the VIN through every control unit of the other vehicles."""
        self._show.chapter("The other buses")
        for connector in self._world.connectors[1:3]:
            face = await self._workshop.connector(connector.uuid)
            session = await self._workshop.open(connector_uuid=connector.uuid)
            for ecu in ecus_of(face):
                vin = await session.read_text(ecu, 0xF190)
                codes = await session.trouble_codes(ecu)
                self._show.line(connector.kind, f"{ecu.name}: {vin}, {len(codes)} trouble codes")
            await session.end()

    async def _bill(self) -> dict[str, Any]:
        self._show.chapter("The garage's back office")
        await self._desk.sign_in(self._world.backoffice)
        order = await self._desk.wait_for_work_order(self._reference)
        self._show.line("desk", f"work order {order['ticket_no']} for {order['customer']['name']}")
        self._show.table(
            ("line", "quantity", "net price"),
            [
                (line["description"], str(line["quantity"]), f"{line['unit_price']:.2f}")
                for line in order["lines"]
            ],
        )
        return dict(order)
