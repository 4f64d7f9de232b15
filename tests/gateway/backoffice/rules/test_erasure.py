from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select

from gateway.backoffice import schema
from gateway.backoffice.rules import correspondence
from gateway.backoffice.shop import Shop

PERSON = {
    "first_name": "Marietje",
    "last_name": "Verwijderd",
    "email": "marietje@example.test",
    "phone": "06-12345678",
    "address": "Dorpstraat 12",
    "city": "Gouda",
    "postal_code": "2801AB",
}
TRACES = ("Marietje", "Verwijderd", "12345678", "Dorpstraat", "WVWZZZ")


async def test_what_names_a_person_goes_and_the_books_stay(repair: Any, in_shop: Any) -> None:
    person = (await repair.ask("POST", "/customers", json=PERSON))[1]["id"]
    other = (await repair.ask("POST", "/customers", json={"first_name": "Other"}))[1]["id"]

    def fill(shop: Shop) -> None:
        shop.insert("device", {"customer_id": person, "vin": "WVWZZZAUZHW123456", "brand": "VW"})
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = PERSON["email"], "g@x.test", "Hello"
        letter.set_content("Marietje here")
        correspondence.note_received(shop, bytes(letter))
        sms = {"phone": "+31612345678", "body": "Marietje", "customer_id": person}
        shop.insert("sms_message", sms)
        for day in (date(2015, 1, 5), date(2025, 1, 5)):
            billed = {"name": "Marietje", "address": "", "place": "", "vat_number": ""}
            row = {"customer_id": person, "invoice_date": day, "status": "paid"}
            row |= {"invoice_number": f"INV-{day.year}-1", "sent_at": shop.now}
            shop.insert("invoice", row | {"billed_to": billed})

    await in_shop(fill)
    status, answer = await repair.ask("POST", f"/customers/{person}/erase")
    assert (status, answer["erased"]) == (
        200,
        {"messages": 2, "addresses": 1, "devices": 1, "invoices": 1},
    )
    assert (await repair.ask("GET", f"/customers/{person}"))[0] == 404
    assert (await repair.ask("GET", f"/customers/{other}"))[0] == 200
    assert (await repair.ask("GET", "/search?q=marietje"))[1]["customers"] == []

    def traces(shop: Shop) -> dict[str, int]:
        found: dict[str, int] = {}
        for noun, table in schema.TABLES.items():
            rows = shop.connection.execute(select(table)).mappings().all()
            count = sum(any(trace in str(dict(row)) for trace in TRACES) for row in rows)
            if count:
                found[noun] = count
        return found

    # The law keeps the younger invoice as it was sent.
    assert await in_shop(traces) == {"invoice": 1}
    trail = (await repair.ask("GET", "/v1/changes?noun=customer"))[1]["data"]
    assert "erased" in [entry["action"] for entry in trail]


async def test_who_still_owes_is_not_erased(repair: Any) -> None:
    person = (await repair.ask("POST", "/customers", json=PERSON))[1]["id"]
    await repair.ask("POST", "/work-orders", json={"customer_id": person})
    status, refused = await repair.ask("POST", f"/customers/{person}/erase")
    assert (status, "still open" in refused["message"]) == (422, True)
    assert (await repair.ask("GET", f"/customers/{person}"))[1]["first_name"] == "Marietje"
