"""Invoice numbers by rep and warehouse, without gaps and doubles.

A counter moves in the transaction that uses its number: a rollback gives the number back, and its
row is held to the commit, so that nobody else gets the same one. Counters that print alike (two
reps without a prefix of their own) are held together, and numbers that a document of their kind
carries are passed over: those are counted already.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Conflict

#: Kinds of numbers -> the noun whose rows carry them.
CARRIERS = {"sales": "sales_invoice", "return": "sales_invoice", "proforma": "proforma"}

#: Numbers looked at in one query.
_AT_ONCE = 100


def take(shop: Shop, rep_id: int, warehouse_id: int, invoice_type: str) -> tuple[int, str]:
    """Return the next serial of a counter, and how it is printed.

    Raises:
        NotFound: nobody made a counter for these three.
        Conflict: the counter was given another prefix or suffix meanwhile.
    """
    counter = _hold(shop, rep_id, warehouse_id, invoice_type)
    serial = _unused(shop, counter)
    shop.change("serial", counter["id"], {"current_serial": serial, "last_used_date": shop.now})
    return serial, _printed(counter, serial)


def serial_for(shop: Shop, values: Values, invoice_type: str, series: str) -> str:
    """Return a document's serial: from its counter where there is one, from the garage's else."""
    rep, warehouse = values.get("rep"), values.get("warehouse")
    if rep and warehouse:
        key = {"rep": rep, "warehouse": warehouse, "invoice_type": invoice_type}
        if shop.find("serial", **key) is not None:
            return take(shop, rep, warehouse, invoice_type)[1]
    return next_number(shop, series, shop.now)


def is_carried(shop: Shop, invoice_type: str, serial: str) -> bool:
    """Tell whether a document of this kind has this number."""
    return bool(_carried(shop, invoice_type, [serial]))


def next_serial(shop: Shop, values: Values) -> Values:
    """Answer ``POST /safe-invoice-serial-counter/next``."""
    ids = int(values["rep"], 16), int(values["warehouse"], 16)
    serial, printed = take(shop, *ids, values["invoice_type"])
    return {"next_serial": serial, "formatted_serial": printed}


def create(shop: Shop, values: Values) -> int:
    """Store a counter; raises ``Invalid`` when these three have one."""
    key = {name: values[name] for name in ("rep", "warehouse", "invoice_type")}
    if shop.find("serial", **key) is not None:
        raise broken_rule("There is a counter for this rep, warehouse and invoice type already.")
    return shop.insert("serial", values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a counter, which never goes back below what it gave out."""
    # As it is once it is held: others may have taken numbers since the row was read.
    counter = shop.lock("serial", row["id"])
    wanted = values.get("current_serial")
    if wanted is not None and counter["last_used_date"] and wanted < counter["current_serial"]:
        raise broken_rule(f"{counter['current_serial']} is given out. The counter cannot go back.")
    shop.change("serial", row["id"], values)


def _hold(shop: Shop, rep_id: int, warehouse_id: int, invoice_type: str) -> Values:
    """Return a counter, held to the commit with those that print alike: in the order of ids."""
    key = {"rep": rep_id, "warehouse": warehouse_id, "invoice_type": invoice_type}
    found = shop.find("serial", **key)
    if found is None:
        raise absent("counter for this rep, warehouse and invoice type")
    table = shop.tables["serial"]
    alike = (table.c[name].is_not_distinct_from(found[name]) for name in ("prefix", "suffix"))
    query = shop.select("serial").where(table.c.invoice_type == invoice_type, *alike)
    for counter in shop.rows(query.order_by(table.c.id).with_for_update()):
        if counter["id"] == found["id"]:
            return counter
    raise Conflict("backoffice.conflict", "The counter was changed meanwhile. Ask again.")


def _printed(counter: Values, serial: int) -> str:
    digits = str(serial).zfill(counter["pad_length"])
    return f"{counter['prefix'] or ''}{digits}{counter['suffix'] or ''}"


def _unused(shop: Shop, counter: Values) -> int:
    """Return the first number behind the counter's that no document of its kind carries."""
    begin = counter["current_serial"] + 1
    while True:
        numbers = {_printed(counter, n): n for n in range(begin, begin + _AT_ONCE)}
        free = numbers.keys() - _carried(shop, counter["invoice_type"], list(numbers))
        if free:
            return min(numbers[printed] for printed in free)
        begin += _AT_ONCE


def _carried(shop: Shop, invoice_type: str, serials: list[str]) -> set[str]:
    table = shop.tables[CARRIERS[invoice_type]]
    mine = [*shop.visible(table), *_of_kind(shop, invoice_type), table.c.serial.in_(serials)]
    return set(shop.connection.execute(select(table.c.serial).where(*mine)).scalars())


def _of_kind(shop: Shop, invoice_type: str) -> list[ColumnElement[bool]]:
    table = shop.tables[CARRIERS[invoice_type]]
    return [table.c.kind == invoice_type] if "kind" in table.c else []
