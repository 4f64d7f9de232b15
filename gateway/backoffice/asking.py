"""What only query strings say: members of a JSON object, moments as coarse as they are shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.backoffice.kinds import MAX_WHOLE, Flag, Kind, Schema, Text
from gateway.storage.columns import Json

#: Names that mean the same in the JSON paths of every engine.
_NAME = re.compile(r"[\w .:-]{1,64}", re.ASCII)

#: More of them are a mistake, or an attack on the query planner.
_MOST = 20

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Members(Kind):
    """Members that an object must have: ``{"erp": "7", "vip": true}``; texts, flags and numbers.

    Attributes:
        only: the one member that is meant; then the text is a flag, and no object.
    """

    only: str = ""

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        if self.only:
            return Flag().schema()
        return {"type": "string", "contentMediaType": "application/json"}

    @override
    def parse(self, value: object) -> object:
        return self.read(json.dumps(value))

    @override
    def read(self, text: str) -> object:
        if self.only:
            return {self.only: Flag().read(text)}
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("must be a JSON object.") from None
        if not isinstance(asked, dict) or len(asked) > _MOST:
            raise ValueError(f"must be a JSON object of at most {_MOST} members.")
        for name, value in asked.items():
            _check(name, value)
        return asked


def _check(name: str, value: object) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("must name members by letters, digits, blanks and . : - _")
    if isinstance(value, str):
        Text().parse(value)
    elif not isinstance(value, (bool, int, float)) or not abs(value) <= MAX_WHOLE:
        raise ValueError(f"must have a text, a flag or a number as {name}.")


# Any: columns and values are what the filters' kinds say.
def has_members(column: ColumnElement[Any], wanted: Any) -> ColumnElement[bool]:
    """Return "the object in the column has these members"."""
    return and_(True, *(_text(column[name]).in_(_spelled(wanted[name])) for name in wanted))


def _text(member: Any) -> ColumnElement[str]:
    # As text on every engine: casting a member to a number fails where it is none.
    return cast(member.as_string(), String)


def _spelled(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["true", "1"] if value else ["false", "0"]
    return [str(value)]


def within_second(column: ColumnElement[Any], moment: Any) -> ColumnElement[bool]:
    """Return "the moment in the column is shown as this one": documents show whole seconds."""
    begin = moment.replace(microsecond=0)
    return and_(column >= begin, column < begin + _SECOND)
