"""Invoice numbers by rep and warehouse, without gaps: the counter's row is held to the commit."""

from __future__ import annotations

from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values


def take(shop: Shop, rep_id: int, warehouse_id: int, invoice_type: str) -> tuple[int, str]:
    """Return the next serial of a counter, and how it is printed.

    Raises:
        NotFound: nobody made a counter for these three.
    """
    key = {"rep": rep_id, "warehouse": warehouse_id, "invoice_type": invoice_type}
    found = shop.find("serial", **key)
    if found is None:
        raise absent("counter for this rep, warehouse and invoice type")
    counter = shop.lock("serial", found["id"])
    serial = counter["current_serial"] + 1
    shop.change("serial", counter["id"], {"current_serial": serial, "last_used_date": shop.now})
    digits = str(serial).zfill(counter["pad_length"])
    return serial, f"{counter['prefix'] or ''}{digits}{counter['suffix'] or ''}"


def serial_for(shop: Shop, values: Values, invoice_type: str, series: str) -> str:
    """Return a document's serial: from its counter where there is one, from the garage's else."""
    rep, warehouse = values.get("rep"), values.get("warehouse")
    if rep and warehouse:
        key = {"rep": rep, "warehouse": warehouse, "invoice_type": invoice_type}
        if shop.find("serial", **key) is not None:
            return take(shop, rep, warehouse, invoice_type)[1]
    return next_number(shop, series, shop.now)


def next_serial(shop: Shop, values: Values) -> Values:
    """Answer ``POST /safe-invoice-serial-counter/next``."""
    ids = int(values["rep"], 16), int(values["warehouse"], 16)
    serial, printed = take(shop, *ids, values["invoice_type"])
    return {"next_serial": serial, "formatted_serial": printed}


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a counter, which never goes back below what it gave out."""
    wanted = values.get("current_serial")
    if wanted is not None and row["last_used_date"] and wanted < row["current_serial"]:
        raise broken_rule(f"{row['current_serial']} is given out. The counter cannot go back.")
    shop.change("serial", row["id"], values)
