"""The right to be forgotten (GDPR, article 17): what names a person goes, the books stay.

Invoices keep whom they were sent to for the years that tax law asks for; older ones lose it, too.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.backoffice.kinds import Text
from gateway.backoffice.noun import Noun
from gateway.backoffice.nouns.workshop import ADDRESS, CUSTOMER
from gateway.backoffice.rules.customers import remove_customer
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.trail import note

#: Seven years (Algemene wet inzake rijksbelastingen, article 52), and the rest of the last one.
KEPT = timedelta(days=8 * 365 + 2)

#: Columns that say nothing of a person.
_HARMLESS = frozenset({"status", "payment_type", "origin", "message_channel", "type", "country"})


def erase(shop: Shop, row: Values, _: Values) -> Values:
    """Make a customer anonymous and remove them; return how much was erased.

    Raises:
        Invalid: an order is open or an invoice unpaid.
    """
    counts = {
        "messages": _messages(shop, row),
        "addresses": _addresses(shop, row["id"]),
        "devices": _devices(shop, row["id"]),
        "invoices": _old_invoices(shop, row["id"]),
    }
    blank = _blank(CUSTOMER) | {"opted_out": True, "note": "", "custom_fields": None}
    shop.change("customer", row["id"], blank | {"last_name": f"Erased {row['client_number']}"})
    remove_customer(shop, row)  # refusing takes back all of it
    note(shop, "customer", row["id"], "erased", {})
    return {"message": "The customer was erased.", "erased": counts}


def _blank(noun: Noun) -> Values:
    """Return every column of text of a noun, emptied."""
    return {
        column.name: None if column.null else ""
        for column in noun.columns
        if isinstance(column.kind, Text) and column.name not in _HARMLESS
    }


def _addresses(shop: Shop, customer_id: int) -> int:
    rows = shop.where("address", customer_id=customer_id)
    for row in rows:
        shop.change("address", row["id"], _blank(ADDRESS) | {"contact_info": None})
        shop.remove("address", row["id"])
    return len(rows)


def _devices(shop: Shop, customer_id: int) -> int:
    """A vehicle's number leads to its keeper; the model does not."""
    rows = shop.where("device", customer_id=customer_id)
    for row in rows:
        shop.change("device", row["id"], {"vin": None})
    return len(rows)


def _messages(shop: Shop, person: Values) -> int:
    count = 0
    for thread in shop.where("email_thread", customer_id=person["id"]):
        messages = shop.where("email_message", thread_id=thread["id"])
        for one in messages:
            shop.remove("email_message", one["id"])
        shop.remove("email_thread", thread["id"])
        count += len(messages)
    for one in shop.where("sms_message", customer_id=person["id"]):
        shop.change("sms_message", one["id"], {"phone": "+0", "body": "", "customer_id": None})
        count += 1
    for one in shop.where("pbx_call", customer_id=person["id"]):
        shop.change("pbx_call", one["id"], {"caller": "erased", "customer_id": None})
        count += 1
    for one in shop.where("outgoing_mail", recipient=person["email"]) if person["email"] else ():
        shop.remove("outgoing_mail", one["id"])
        count += 1
    return count


def _old_invoices(shop: Shop, customer_id: int) -> int:
    limit = shop.today - KEPT
    rows = [row for row in shop.where("invoice", customer_id=customer_id) if row["sent_at"]]
    old = [row for row in rows if row["invoice_date"] < limit]
    for row in old:
        erased = {"name": "Erased", "address": "", "place": "", "vat_number": ""}
        shop.change("invoice", row["id"], {"billed_to": erased, "pdf": None})
    return len(old)
