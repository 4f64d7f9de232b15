"""A closed diagnostic ticket becomes a work order of its garage. Exactly once.

The outbox consumer runs this in the transaction that moves its position; besides, the ticket's id
is unique among a garage's work orders, so that not even a replayed outbox makes a second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from gateway.backoffice.moments import business_day
from gateway.backoffice.rules import invoices, ledger
from gateway.backoffice.rules.customers import create_customer, full_name
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.work_orders import record
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid
from gateway.domain.events import Event
from gateway.domain.money import cents

#: What the consumer listens to, and the name of its place in the outbox.
TOPIC = "tickets.ticket.closed"
CONSUMER = "backoffice.closed_tickets"

#: Whoever comes without a name that the shop knows.
WALK_IN = "walk-in"

#: VAT over remote diagnostics when nothing else is set: the Dutch standard rate.
STANDARD_RATE = Decimal(21)


@dataclass(frozen=True, slots=True)
class TicketBooking:
    """Books closed tickets; a handler for a durable consumer of :data:`TOPIC`.

    Attributes:
        tables: noun name -> table.
        clock: stamps what is written.
        vat_rate: percent over the ticket's lines, whose amounts are net.
    """

    tables: Tables
    clock: Clock
    vat_rate: Decimal = STANDARD_RATE

    def __call__(self, connection: Connection, event: Event) -> None:
        """Make the work order of the ticket in ``event``, unless it is there.

        Raises:
            ValueError: the event names no garage.
        """
        if event.tenant_id is None:
            raise ValueError(f"event {event.position} ({event.type}) names no garage")
        shop = Shop(connection, self.tables, event.tenant_id, None, self.clock())
        ticket_id = int(event.payload["ticket_id"])
        if shop.find_ever("work_order", ticket_id=ticket_id) is None:
            _book(shop, event.payload, self.vat_rate)


def _book(shop: Shop, ticket: Values, vat_rate: Decimal) -> int:
    customer_id = _customer(shop, ticket)
    device_id = _device(shop, ticket, customer_id)
    number = next_number(shop, "WO", _closed_at(shop, ticket))
    order = _order(ticket) | {"customer_id": customer_id, "device_id": device_id}
    order_id = shop.insert("work_order", order | {"ticket_no": number})
    for line in lines_of(ticket):
        owner = {"work_order_id": order_id, "vat_rate": vat_rate}
        shop.insert("work_order_line", line | owner)
    made = f"Work order {number} made from diagnostic ticket {ticket['ticket_id']}"
    record(shop, order_id, "created", made)
    if ticket.get("note"):
        note = {"work_order_id": order_id, "note": ticket["note"], "is_internal": True}
        shop.insert("work_order_note", note)
        record(shop, order_id, "note_added", ticket["note"])
    if setting(shop)["invoice_tickets"] and ticket["lines"]:
        _bill(shop, order_id, customer_id, business_day(_closed_at(shop, ticket)))
    return order_id


def _bill(shop: Shop, order_id: int, customer_id: int, closed: date) -> None:
    """Make a draft invoice of the order's lines, dated when the ticket was closed.

    A filed quarter takes nothing more: then it is dated today. What is refused all the same must
    not hold up the ticket, and those behind it.
    """
    day = ledger.open_day(shop, closed)
    head = {"customer_id": customer_id, "work_order_id": order_id, "invoice_date": day}
    try:
        invoices.create(shop, head)
    except Invalid as error:
        record(shop, order_id, "note_added", f"No draft invoice was made: {error.detail}")
    else:
        record(shop, order_id, "note_added", "A draft invoice was made from the ticket")


def lines_of(ticket: Values) -> list[Values]:
    """Return the order's lines; they add up to the ticket's total to the cent.

    A line whose amount does not divide by its quantity becomes one piece with the quantity in its
    text. Should the total hold more or less than the lines, a line of its own says so.
    """
    lines = [_line(line) for line in ticket["lines"]]
    summed = sum((line["quantity"] * line["unit_price"] for line in lines), Decimal())
    rest = cents(Decimal(ticket["total"]) - summed)
    if rest:
        text = "Adjustment to the ticket's total"
        lines.append({"description": text, "quantity": Decimal(1), "unit_price": rest})
    return lines


def _line(line: Values) -> Values:
    quantity, net = Decimal(line["quantity"]), cents(Decimal(line["net"]))
    name, item = str(line["name"]), line.get("item_number")
    each = net / quantity if quantity else net
    if each != cents(each) or not quantity:
        name, quantity, each = f"{quantity} x {name}", Decimal(1), net
    description = {"description": name[:255], "item_number": item}
    return description | {"quantity": quantity, "unit_price": cents(each)}


def _order(ticket: Values) -> Values:
    vehicle = ticket.get("vehicle") or {}
    model = " ".join(str(vehicle[key]) for key in ("model", "variant") if vehicle.get(key))
    reference = ticket.get("reference")
    facts = (
        f"VIN {ticket['vin']}" if ticket.get("vin") else "",
        reference and f"ref. {reference}",
    )
    problem = ", ".join(["Remote diagnostics", *(fact for fact in facts if fact)])
    return {
        "ticket_id": int(ticket["ticket_id"]),
        "status": "new",
        "device_brand": str(vehicle.get("make") or "")[:100] or None,
        "device_model": model[:100] or None,
        "problem_description": problem,
    }


def _customer(shop: Shop, ticket: Values) -> int:
    """Return who the order is for: by reference, else by vehicle, else the walk-in customer."""
    named = _by_reference(shop, str(ticket.get("reference") or ""))
    if named is not None:
        return named
    vin = ticket.get("vin")
    device = shop.find("device", vin=vin) if vin else None
    if device is not None and shop.find("customer", id=device["customer_id"]) is not None:
        return int(device["customer_id"])
    walk_in = shop.find("customer", origin=WALK_IN)
    if walk_in is not None:
        return int(walk_in["id"])
    return create_customer(shop, {"first_name": "Walk-in customer", "origin": WALK_IN})


def _by_reference(shop: Shop, reference: str) -> int | None:
    """Return the one customer whom the garage's reference names: by number or by full name."""
    wanted = " ".join(reference.split()).casefold()
    if not wanted:
        return None
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 15:
        found = shop.find("customer", client_number=int(wanted))
        return None if found is None else int(found["id"])
    # The last word is the narrowest thing an index knows; the whole name decides.
    last = wanted.split()[-1]
    table = shop.tables["customer"]
    near = shop.select("customer").where(
        table.c.last_name.icontains(last, autoescape=True)
        | table.c.company_name.icontains(last, autoescape=True)
        | table.c.first_name.icontains(last, autoescape=True)
    )
    ids = [row["id"] for row in shop.rows(near.limit(200)) if _called(row, wanted)]
    # Two of the same name: guessing would put one's car on the other's bill.
    return int(ids[0]) if len(ids) == 1 else None


def _called(person: Values, wanted: str) -> bool:
    return person["origin"] != WALK_IN and full_name(person).casefold() == wanted


def _device(shop: Shop, ticket: Values, customer_id: int) -> int | None:
    vin = ticket.get("vin")
    if not vin:
        return None
    vehicle = ticket.get("vehicle") or {}
    # Cut to the columns: a name too long must not hold up every later ticket.
    names = {"brand": "make", "model": "model", "variant": "variant"}
    facts: Values = {c: str(vehicle.get(key) or "")[:100] or None for c, key in names.items()}
    facts["customer_id"] = customer_id
    reading = ticket.get("odometer_reading")
    facts |= {} if reading is None else {"odometer_reading": int(reading)}
    known = shop.find("device", vin=vin)
    if known is None:
        return shop.insert("device", facts | {"vin": vin})
    shop.change("device", known["id"], facts)
    return int(known["id"])


def _closed_at(shop: Shop, ticket: Values) -> datetime:
    """Return when the ticket was closed: its year is the number's year."""
    finished = ticket.get("finished_at")
    moment = datetime.fromisoformat(finished) if finished else shop.now
    return moment if moment.tzinfo else shop.now
