"""Kinds of dates and times. Everything is kept in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Date
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.backoffice.kinds import Kind, Schema, decimal_of
from gateway.storage.columns import UtcDateTime


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
        return value.isoformat()


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
