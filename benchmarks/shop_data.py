"""A garage's database for the suite ``backoffice``: so many customers and invoices, one token.

Made through the product's own schema, filled by plain SQL: a million rows through the door would
take longer than what is to be measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, event, insert

from gateway.backoffice.finding import entry_of
from gateway.backoffice.schema import TABLES
from gateway.domain.clock import utc_now
from gateway.identity.shop_tokens import ShopTokens
from gateway.storage.database import Database, make_engine
from gateway.storage.full_text import words_of
from gateway.storage.migrations.schema import upgrade_engine
from gateway.storage.queries import shops
from gateway.storage.tables.identity import service_provider, shop_user, tenant

#: The customer whose invoices are listed, and how many they have: more than a page.
LISTED, THEIRS = 7, 60

#: Last names; each customer has one with a number, so that a search finds few.
_NAMES = ("Jansen", "Bakker", "Visser", "Smit", "Meijer", "Mulder", "Bos", "Vos")

_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)

_STAMPS = {"tenant_id": 1, "created_at": _AT, "updated_at": _AT}

#: Rows that go into one statement.
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class ShopData:
    """A database that is filled.

    Attributes:
        file: where it is.
        token: lets the garage's owner in.
    """

    file: Path
    token: str


def make(file: Path, customers: int, invoices: int) -> ShopData:
    """Fill a new SQLite database and return how to come in."""
    engine = make_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _hurry)
    upgrade_engine(engine)
    with engine.begin() as connection:
        token = _people(connection, Database(engine))
        _fill(connection, customers, invoices)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return ShopData(file, token)


def _hurry(connection: sqlite3.Connection, _: object) -> None:
    """Leave out what guards against power cuts: the file is thrown away."""
    connection.execute("PRAGMA synchronous=OFF")


def _people(connection: Connection, database: Database) -> str:
    connection.execute(insert(service_provider).values(id=1, name="Provider", currency="EUR"))
    garage = {"id": 1, "provider_id": 1, "name": "Garage", "currency": "EUR", "created_at": _AT}
    connection.execute(insert(tenant).values(**garage))
    owner = {"id": 1, "name": "Owner", "email": "owner@garage.test", "role": "owner"}
    row = {**owner, "tenant_id": 1, "created_at": _AT, "password_hash": "-"}
    connection.execute(insert(shop_user).values(**row))
    tokens = ShopTokens(database, utc_now)
    known = shops.find_by_email(connection, str(owner["email"]))
    if known is None:
        raise AssertionError("the owner was just put there")
    return tokens.make(connection, "repair", known[0], name="benchmark", abilities=("*",))


def _fill(connection: Connection, customers: int, invoices: int) -> None:
    _put(connection, "customer", (_customer(number) for number in range(1, customers + 1)))
    _put(connection, "search_entry", (_found(number) for number in range(1, customers + 1)))
    _put(connection, "search_entry", (_listed(number) for number in range(1, invoices + 1)))
    _put(connection, "invoice", (_invoice(number, customers) for number in range(1, invoices + 1)))
    _put(connection, "invoice_line", _lines(invoices))


def _put(connection: Connection, noun: str, rows: Iterator[dict[str, object]]) -> None:
    chunk: list[dict[str, object]] = []
    for row in rows:
        chunk.append(_STAMPS | row)
        if len(chunk) == _CHUNK:
            connection.execute(insert(TABLES[noun]), chunk)
            chunk = []
    if chunk:
        connection.execute(insert(TABLES[noun]), chunk)


def _customer(number: int) -> dict[str, object]:
    name = f"{_NAMES[number % len(_NAMES)]} {number}"
    return {
        "id": number,
        "client_number": number,
        "client_code": str(number),
        "first_name": "Jan",
        "last_name": name,
        "email": f"c{number}@example.test",
    }


def _found(number: int) -> dict[str, object]:
    """Return what the shop itself would keep of this customer for the search."""
    customer = _customer(number)
    return _entry("customer", number, f"Jan {customer['last_name']}", str(customer["email"]))


def _listed(number: int) -> dict[str, object]:
    return _entry("invoice", number, str(_invoice(number, LISTED + 2)["invoice_number"]), "")


def _entry(kind: str, number: int, head: str, rest: str) -> dict[str, object]:
    return {"kind": kind, "record_id": number, **entry_of(1, kind, words_of(head), words_of(rest))}


def _invoice(number: int, customers: int) -> dict[str, object]:
    """Return an invoice; the first ones are those of the customer who is listed."""
    owner = LISTED if number <= THEIRS else LISTED + 1 + number % (customers - LISTED)
    return {
        "id": number,
        "invoice_number": f"INV-2026-{number:07}",
        "status": "sent",
        "customer_id": owner,
        "invoice_date": _AT.date(),
        # Years away: else the first minute would measure how the gateway marks all as overdue.
        "due_date": _AT.date().replace(year=2099),
        "total_excl": 150,
        "total_incl": 180,
    }


def _lines(invoices: int) -> Iterator[dict[str, object]]:
    """Yield two lines of different VAT for those invoices that are listed, and many more."""
    for number in range(1, min(invoices, 20_000) + 1):
        for price, rate in ((100, 21), (50, 9)):
            line = {"invoice_id": number, "description": "Work", "quantity": 1}
            yield line | {"unit_price": price, "vat_rate": rate}
