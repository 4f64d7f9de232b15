"""Customers: one row whichever door they came in by, and their addresses.

The repair API gives an address as one line and a postal code; the planner gives street, number and
addition; the field-sales API one formatted line. All of them are the customer's invoice address,
kept in its parts.
"""

from __future__ import annotations

import re

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.numbering import next_count
from gateway.backoffice.rules.phones import e164
from gateway.backoffice.shop import Shop, Values

#: "Dorpstraat 12 A": a street, a number that begins with a digit, and the rest.
_ADDRESS_LINE = re.compile(r"^(?P<street>.*\S)\s+(?P<number>\d{1,6})[\s-]*(?P<addition>\S.*)?$")

#: What is longer was no addition.
_MOST_ADDITION = 32

#: Inputs of the repair and field-sales bodies -> column of the address.
ADDRESS_PARTS = {
    "city": "city",
    "postal_code": "zipcode",
    "zip": "zipcode",
    "state": "state",
    "country": "country",
}

#: What is typed in -> the same as E.164, by which calls and messages find the customer.
_NUMBERS = {"phone": "phone_e164", "mobile_phone": "mobile_e164"}

#: Orders in these states still need their customer.
_DONE = {"completed", "picked_up", "cancelled"}


def create_customer(shop: Shop, values: Values) -> int:
    """Store a customer under the next free number, with the address when the body gives one."""
    person, address = _split(values)
    tags = person.pop("tag_ids", None)
    person["client_number"] = person.get("client_number") or free_number(shop)
    person["client_code"] = person.get("client_code") or str(person["client_number"])
    customer_id = shop.insert("customer", person)
    _put_tags(shop, customer_id, tags)
    _put_address(shop, customer_id, address)
    return customer_id


def change_customer(shop: Shop, row: Values, values: Values) -> None:
    """Change a customer, and the invoice address where the body gives parts of it."""
    person, address = _split(values)
    _put_tags(shop, row["id"], person.pop("tag_ids", None))
    if person:
        shop.change("customer", row["id"], person)
    _put_address(shop, row["id"], address)


def remove_customer(shop: Shop, row: Values) -> None:
    """Remove a customer; what was written for them keeps naming them.

    Raises:
        Invalid: a work order of theirs is still open, an invoice unpaid, or a visit planned.
    """
    owed = [
        one["invoice_number"]
        for one in shop.where("invoice", customer_id=row["id"])
        if one["status"] in {"sent", "overdue"}
    ]
    if owed:
        raise broken_rule(f"Invoices are still unpaid: {', '.join(owed)}.")
    if (row["balance"] or 0) > 0:
        raise broken_rule(f"{row['balance']} is still owed. Settle it first.")
    orders = shop.where("work_order", customer_id=row["id"])
    waiting = [order["ticket_no"] for order in orders if order["status"] not in _DONE]
    if waiting:
        raise broken_rule(f"Work orders are still open. Finish these first: {', '.join(waiting)}.")
    table = shop.tables["appointment"]
    ahead = (table.c.time_from > shop.now, table.c.canceled_at.is_(None))
    if shop.count("appointment", *ahead, customer_id=row["id"]):
        raise broken_rule("An appointment is planned. Cancel it first.")
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
    if match is None or len(match["addition"] or "") > _MOST_ADDITION:
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
    for name, column in _NUMBERS.items():
        if name in person:
            person[column] = e164(person[name])
    for name, column in ADDRESS_PARTS.items():
        if name in person:
            address[column] = person.pop(name) or ""
    return person, address


def _put_tags(shop: Shop, customer_id: int, tags: list[int] | None) -> None:
    """Give a customer these tags and no others; raises ``Unprocessable`` for unknown ones."""
    if tags is None:
        return
    for tag_id in tags:
        if shop.find("tag", id=tag_id) is None:
            raise wrong_field("tag_ids", "names a tag that there is not.")
    for old in shop.where("customer_tag", customer_id=customer_id):
        shop.remove("customer_tag", old["id"])
    for tag_id in sorted(set(tags)):
        shop.insert("customer_tag", {"customer_id": customer_id, "tag_id": tag_id})


def _put_address(shop: Shop, customer_id: int, address: Values) -> None:
    if not address:
        return
    present = shop.find("address", customer_id=customer_id, type="invoice")
    if present is not None:
        shop.change("address", present["id"], address)
        return
    blank = {"street": "", "house_number": "", "zipcode": "", "city": "", "type": "invoice"}
    shop.insert("address", blank | address | {"customer_id": customer_id})
