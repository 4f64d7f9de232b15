"""What is serviced at a client, and when it is due again.

An item is a device of the customer as the planner sees it: work orders made from visits name it.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from gateway.backoffice.nouns.planning import APPOINTMENT_TYPE
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import seeds
from gateway.backoffice.rules.planner import attachments
from gateway.backoffice.shop import Shop, Values

#: What the next date follows from.
_PLAN = {"recurring", "plan_cycle", "date_from", "date_to", "visited_on"}


def create(shop: Shop, values: Values) -> int:
    """Store an item with its files and its first date.

    Raises:
        Unprocessable: the address is not the client's, or the plan contradicts itself.
    """
    files = values.pop("attachments", None) or []
    kind = _type(shop, values)
    values["appointment_type_id"] = kind["id"]
    values["time"] = values.get("time") or kind["time"]
    _begin(shop, values, values)
    check(shop, values)
    device = {"customer_id": values["customer_id"], "model": values["name"][:100]}
    values["device_id"] = shop.insert("device", device)
    values["plan_next_date"] = next_date(values)
    item_id = shop.insert("item", values)
    attachments.add(shop, item_id, files)
    return item_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change an item; another plan gives another next date."""
    files = values.pop("attachments", None) or []
    _begin(shop, row | values, values)
    check(shop, row | values)
    if _PLAN & values.keys():
        values["plan_next_date"] = next_date(row | values)
    if values:
        shop.change("item", row["id"], values)
    if "name" in values and row["device_id"] is not None:
        shop.change("device", row["device_id"], {"model": values["name"][:100]})
    attachments.add(shop, row["id"], files)


def remove(shop: Shop, row: Values) -> None:
    """Remove an item; what was planned for it goes on without it.

    Raises:
        Invalid: the client has confirmed an appointment for it.
    """
    coming = [one for one in open_appointments(shop, row["id"]) if _is_coming(shop, one)]
    confirmed = [one["id"] for one in coming if one["confirmed_at"] is not None]
    if confirmed:
        named = ", ".join(map(str, confirmed))
        raise broken_rule(f"The client confirmed an appointment for it: cancel {named} first.")
    for one in coming:
        pivot = shop.find("appointment_item", appointment_id=one["id"], item_id=row["id"])
        if pivot is not None:
            shop.remove("appointment_item", pivot["id"])
    shop.remove("item", row["id"])


def check(shop: Shop, item: Values) -> None:
    """Refuse an item that contradicts itself; raises ``Unprocessable``."""
    address = shop.find("address", id=item["address_id"])
    if address is None or address["customer_id"] != item["customer_id"]:
        raise wrong_field("address_id", "must be an address of this client.")
    if item.get("recurring") and not item.get("plan_cycle"):
        raise wrong_field("plan_cycle", "is required for recurring items: months between visits.")
    first, last = item.get("date_from"), item.get("date_to")
    if last is not None and first is not None and last <= first:
        raise wrong_field("date_to", "must be after date_from.")


def next_date(item: Values) -> date | None:
    """Return when an item is due: at first on ``date_from``, then a cycle after its last visit.

    Months are counted on the day of ``date_from``: the 31st leads to 28 February and from there
    to 31 March. Nothing is due after ``date_to``; what does not come back is due once.
    """
    first, visited, last = (item.get(n) for n in ("date_from", "visited_on", "date_to"))
    if visited is None:
        due = first
    elif item.get("recurring"):
        due = _months_later(visited, item["plan_cycle"], (first or visited).day)
    else:
        due = None
    return None if due is None or (last is not None and due > last) else due


def note_visit(shop: Shop, item_id: int, day: date) -> None:
    """Put down that an item was serviced; it is due again a cycle later."""
    row = shop.find("item", id=item_id)
    if row is None:
        return
    visited = {"visited_on": max(day, row["visited_on"] or day)}
    shop.change("item", item_id, visited | {"plan_next_date": next_date(row | visited)})


def open_appointments(shop: Shop, item_id: int) -> list[Values]:
    """Return appointments for an item that are neither cancelled nor over."""
    ids = [row["appointment_id"] for row in shop.where("appointment_item", item_id=item_id)]
    table = shop.tables["appointment"]
    return shop.rows(
        shop.select("appointment").where(
            table.c.id.in_(ids),
            *(table.c[name].is_(None) for name in ("canceled_at", "visited_at", "not_visited_at")),
        )
    )


def _begin(shop: Shop, item: Values, values: Values) -> None:
    """Let what comes back begin today, where nobody said when."""
    if item.get("recurring") and item.get("date_from") is None:
        values["date_from"] = shop.today


def _is_coming(shop: Shop, appointment: Values) -> bool:
    return appointment["time_to"] is None or bool(appointment["time_to"] > shop.now)


def _months_later(day: date, months: int, anchor: int) -> date:
    passed = day.month - 1 + months
    year, month = day.year + passed // 12, passed % 12 + 1
    return date(year, month, min(anchor, monthrange(year, month)[1]))


def _type(shop: Shop, values: Values) -> Values:
    chosen = values.get("appointment_type_id")
    if chosen is not None:
        return shop.get("appointment_type", chosen)
    seeds.plant(shop, APPOINTMENT_TYPE)
    kinds = shop.where("appointment_type")
    if not kinds:
        raise wrong_field("appointment_type_id", "is required: there are no types. Add one first.")
    return kinds[0]
