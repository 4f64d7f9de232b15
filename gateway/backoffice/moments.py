"""Kinds of dates and times. Everything is kept in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.backoffice.kinds import Kind, Schema, decimal_of
from gateway.storage.columns import UtcDateTime

#: A document belongs to the business day of the country whose books it enters.
BUSINESS_ZONE = ZoneInfo("Europe/Amsterdam")


def business_day(moment: datetime) -> date:
    """Return the calendar day of ``moment`` where the books are kept."""
    return moment.astimezone(BUSINESS_ZONE).date()


def day_begin(day: date) -> datetime:
    """Return when a business day begins, UTC."""
    return datetime.combine(day, time(), BUSINESS_ZONE).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Day(Kind):
    """A date, ``YYYY-MM-DD``."""

    @override
    def sql(self) -> TypeEngine[Any]:
        return Date()

    @override
    def schema(self) -> Schema:
        return {"type": "string", "format": "date"}

    @override
    def parse(self, value: object) -> date:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # 2026-02-30: said below, in the sentence that callers expect
        raise ValueError("must be a date, YYYY-MM-DD.")

    @override
    def render(self, value: date) -> object:
        # A moment is shown by the business day it falls on.
        return (business_day(value) if isinstance(value, datetime) else value).isoformat()


@dataclass(frozen=True, slots=True)
class Moment(Kind):
    """A point in time, ISO 8601 in UTC with ``Z``; to the microsecond where ``fine``."""

    fine: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return UtcDateTime()

    @override
    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}

    @override
    def parse(self, value: object) -> datetime:
        try:
            moment = datetime.fromisoformat(value if isinstance(value, str) else "")
            # A time without an offset is taken as UTC, which is what every answer is in.
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError("must be a date and time in ISO 8601.") from None

    @override
    def render(self, value: datetime) -> object:
        text = value.astimezone(UTC).isoformat(timespec="microseconds" if self.fine else "seconds")
        return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class DayEdge(Kind):
    """A date in a query that stands for the moment its business day begins, or the next one."""

    following: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return UtcDateTime()

    @override
    def schema(self) -> Schema:
        return Day().schema()

    @override
    def parse(self, value: object) -> datetime:
        try:
            return day_begin(Day().parse(value) + timedelta(days=int(self.following)))
        except OverflowError:
            raise ValueError("must be a date, YYYY-MM-DD.") from None


@dataclass(frozen=True, slots=True)
class EpochMillis(Kind):
    """A point in time as milliseconds since 1970, the way incremental syncs ask for it."""

    @override
    def sql(self) -> TypeEngine[Any]:
        return UtcDateTime()

    @override
    def schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "maximum": 253_402_300_799_999}

    @override
    def parse(self, value: object) -> datetime:
        number = decimal_of(value)
        if not 0 <= number <= 253_402_300_799_999:  # the year 9999
            raise ValueError("must be milliseconds since 1970.")
        return datetime.fromtimestamp(float(number) / 1000, UTC)

    @override
    def render(self, value: datetime) -> object:
        return int(value.timestamp() * 1000)
