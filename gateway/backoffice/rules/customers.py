"""Customers: one row whichever door they came in by, and their addresses.

The repair API gives an address as one line and a postal code; the planner gives street, number and
addition; the field-sales API one formatted line. All of them are the customer's invoice address,
kept in its parts.
"""

from __future__ import annotations

import re

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.numbering import next_count
from gateway.backoffice.shop import Shop, Values

#: "Dorpstraat 12 A": a street, a number that begins with a digit, and the rest.
_ADDRESS_LINE = re.compile(r"^(?P<street>.*\S)\s+(?P<number>\d{1,6})[\s-]*(?P<addition>\S.*)?$")

#: Inputs of the repair and field-sales bodies -> column of the address.
ADDRESS_PARTS = {
    "city": "city",
    "postal_code": "zipcode",
    "zip": "zipcode",
    "state": "state",
    "country": "country",
}

#: Orders in these states still need their customer.
_DONE = {"completed", "picked_up", "cancelled"}


def create_customer(shop: Shop, values: Values) -> int:
    """Store a customer under the next free number, with the address when the body gives one."""
    person, address = _split(values)
    person["client_number"] = person.get("client_number") or free_number(shop)
    customer_id = shop.insert("customer", person)
    _put_address(shop, customer_id, address)
    return customer_id


def change_customer(shop: Shop, row: Values, values: Values) -> None:
    """Change a customer, and the invoice address where the body gives parts of it."""
    person, address = _split(values)
    if person:
        shop.change("customer", row["id"], person)
    _put_address(shop, row["id"], address)


def remove_customer(shop: Shop, row: Values) -> None:
    """Remove a customer; what was written for them keeps naming them.

    Raises:
        Invalid: a work order of theirs is still open.
    """
    orders = shop.where("work_order", customer_id=row["id"])
    waiting = [order["ticket_no"] for order in orders if order["status"] not in _DONE]
    if waiting:
        raise broken_rule(f"Work orders are still open. Finish these first: {', '.join(waiting)}.")
    shop.remove("customer", row["id"])


def free_number(shop: Shop) -> int:
    """Return the next client number that nobody holds; some were given by hand."""
    while True:
        number = next_count(shop, "client")
        if shop.find_ever("customer", client_number=number) is None:
            return number


def full_name(person: Values) -> str:
    """Return how a customer is called: the company's name, or first and last joined."""
    joined = " ".join(part for part in (person["first_name"], person["last_name"]) if part)
    return str(person["company_name"] or joined)


def address_line(address: Values) -> str:
    """Return street, number and addition as one line."""
    parts = (address["street"], address["house_number"], address["house_number_addition"])
    return " ".join(part for part in parts if part)


def parts_of(line: str) -> Values:
    """Return street, number and addition of an address line; a line without number is a street."""
    match = _ADDRESS_LINE.match(line.strip())
    if match is None:
        return {"street": line.strip(), "house_number": "", "house_number_addition": None}
    return {
        "street": match["street"],
        "house_number": match["number"],
        "house_number_addition": match["addition"],
    }


def _split(values: Values) -> tuple[Values, Values]:
    """Part a body into columns of the customer and columns of the address."""
    person = dict(values)
    address: Values = {}
    line = person.pop("address", None)
    if line is not None:
        address |= parts_of(line)
    elif "address" in values:
        address |= parts_of("")
    for name, column in ADDRESS_PARTS.items():
        if name in person:
            address[column] = person.pop(name) or ""
    return person, address


def _put_address(shop: Shop, customer_id: int, address: Values) -> None:
    if not address:
        return
    present = shop.find("address", customer_id=customer_id, type="invoice")
    if present is not None:
        shop.change("address", present["id"], address)
        return
    blank = {"street": "", "house_number": "", "zipcode": "", "city": "", "type": "invoice"}
    shop.insert("address", blank | address | {"customer_id": customer_id})
