"""One page of a longer result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Select, func, select

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the matches.

    Attributes:
        items: the matches from the offset on, at most as many as asked for.
        total: all matches, before paging.
    """

    items: tuple[T, ...]
    total: int


# Any: a row's type is that of the columns selected, which differ from caller to caller.
def fetch_page(
    connection: Connection,
    query: Select[Any],
    record: Callable[[Row[Any]], T],
    *,
    offset: int,
    limit: int,
) -> Page[T]:
    """Count all rows of ``query`` and turn those of one page into records."""
    count = select(func.count()).select_from(query.order_by(None).subquery())
    total = connection.execute(count).scalar_one()
    rows = connection.execute(query.offset(offset).limit(limit)) if limit else ()
    return Page(tuple(record(row) for row in rows), total)
