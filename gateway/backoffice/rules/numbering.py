"""Document numbers without gaps: one counter row for each garage, series and year.

The counter moves in the transaction that uses the number, so a rollback gives the number back,
and its row is locked from the first use to the commit, so nobody else gets the same one.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.backoffice.moments import BUSINESS_ZONE
from gateway.backoffice.shop import Shop

#: Year of series that never start again, such as client numbers.
FOREVER = 0


def business_year(moment: datetime) -> int:
    """Return the calendar year of ``moment`` where the books are kept."""
    return moment.astimezone(BUSINESS_ZONE).year


def next_number(shop: Shop, series: str, moment: datetime | date) -> str:
    """Return the next document number of ``series`` in the document's year: ``WO-2026-0101``."""
    year = business_year(moment) if isinstance(moment, datetime) else moment.year
    return f"{series}-{year}-{next_count(shop, series, year):04d}"


def next_count(shop: Shop, series: str, year: int = FOREVER) -> int:
    """Return the next count of ``series``, from 1; one statement, so nobody gets in between."""
    table = shop.tables["counter"]
    # Both engines spell it the same, but only their own inserts know it.
    on_postgresql = shop.connection.dialect.name == "postgresql"
    insert = postgresql_insert if on_postgresql else sqlite_insert
    statement = (
        insert(table)
        .values(
            tenant_id=shop.tenant_id,
            series=series,
            year=year,
            count=1,
            created_at=shop.now,
            updated_at=shop.now,
        )
        .on_conflict_do_update(
            index_elements=["tenant_id", "series", "year"],
            set_={"count": table.c["count"] + 1, "updated_at": shop.now},
        )
        .returning(table.c["count"])
    )
    return int(shop.connection.execute(statement).scalar_one())
