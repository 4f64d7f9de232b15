"""What a value is: how it is stored, described, read and written. One record per kind.

``parse`` takes what JSON gave (numbers with a fraction arrive as ``Decimal``) and raises
``ValueError`` with the rest of the sentence "The x field ...". ``read`` does the same for text out
of a query string or a path. ``render`` gives what the JSON encoder takes. Dates and times are in
``moments``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, String
from sqlalchemy import Text as LongText
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.storage.columns import Amount, Json

#: A JSON Schema. Any: JSON by nature.
Schema = dict[str, Any]

#: The largest row id: what 64 bits hold with a sign.
MAX_ID = 2**63 - 1

#: Beyond this a JSON number is no longer exact everywhere (RFC 8259 section 6).
MAX_WHOLE = 2**53 - 1

#: SQLite numbers rows itself only in a column of its own INTEGER type.
ID_TYPE = BigInteger().with_variant(Integer, "sqlite")


_SIGN = r"[\w.~:@!$&'()*+,;=/-]|%[0-9A-Fa-f]{2}"

#: RFC 3986: scheme, what follows it, query and fragment.
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*:(//\[[0-9A-Fa-f:.]+\])?(?:{_SIGN})*"
    rf"(\?(?:{_SIGN}|\?)*)?(#(?:{_SIGN}|\?)*)?",
    re.ASCII,
)


class Kind(ABC):
    """The meaning of a column or of a value at the edge."""

    @abstractmethod
    # Any: TypeEngine is generic in the Python type, which differs per kind.
    def sql(self) -> TypeEngine[Any]:
        """Return the column type that stores it."""

    @abstractmethod
    def schema(self) -> Schema:
        """Return its JSON Schema, without ``null``."""

    @abstractmethod
    def parse(self, value: object) -> object:
        """Turn a JSON value into what is stored.

        Raises:
            ValueError: it is not one of these; the text completes "The x field ...".
        """

    def read(self, text: str) -> object:
        """Turn text out of a query string into what is stored; raises like ``parse``."""
        return self.parse(text)

    # Any: what the column gave; each kind knows its own.
    def render(self, value: Any) -> object:
        """Turn a stored value, never ``None``, into JSON."""
        return value


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Text of at most ``limit`` characters; 0 is text of any length up to 64 KiB."""

    limit: int = 255
    format: str = ""
    pattern: str = ""

    @override
    def sql(self) -> TypeEngine[Any]:
        return String(self.limit) if self.limit else LongText()

    @override
    def schema(self) -> Schema:
        extra = {"format": self.format, "pattern": self.pattern}
        return {"type": "string", "maxLength": self._most} | {k: v for k, v in extra.items() if v}

    @override
    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text.")
        if len(value) > self._most:
            raise ValueError(f"must not be longer than {self._most} characters.")
        if not _storable(value):
            raise ValueError("must be valid Unicode without NUL characters.")
        if self.pattern and not re.search(self.pattern, value):
            raise ValueError("has an invalid format.")
        if self.format == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            raise ValueError("must be an email address.")
        if self.format == "uri" and not _URI.fullmatch(value):
            raise ValueError("must be an address with its scheme, such as https://example.com/x.")
        return value

    @property
    def _most(self) -> int:
        return self.limit or 65_536


def Email() -> Text:  # noqa: N802 - reads as a kind beside the others
    """Return the kind of an email address."""
    return Text(254, format="email")


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number."""

    minimum: int = -MAX_WHOLE
    maximum: int = MAX_WHOLE

    @override
    def sql(self) -> TypeEngine[Any]:
        return BigInteger()

    @override
    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    @override
    def parse(self, value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
            value = int(value)
        if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("must be a whole number.")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"must be between {self.minimum} and {self.maximum}.")
        return value


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A decimal number kept exactly to ``places``; more places are rounded half up."""

    places: int = 2
    minimum: Decimal = Decimal(-999999999999)
    maximum: Decimal = Decimal(999999999999)
    above_minimum: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return Amount(self.places)

    @override
    def schema(self) -> Schema:
        lower = "exclusiveMinimum" if self.above_minimum else "minimum"
        return {"type": "number", lower: _plain(self.minimum), "maximum": _plain(self.maximum)}

    @override
    def parse(self, value: object) -> Decimal:
        number = decimal_of(value)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(f"must be between {self.minimum} and {self.maximum}.")
        number = number.quantize(Decimal(1).scaleb(-self.places), rounding=ROUND_HALF_UP)
        if self.above_minimum and number <= self.minimum:
            raise ValueError(f"must be greater than {self.minimum}.")
        return number


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false; spelled 0 and 1 where ``digit``."""

    digit: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return Boolean()

    @override
    def schema(self) -> Schema:
        return {"type": "integer", "enum": [0, 1]} if self.digit else {"type": "boolean"}

    @override
    def parse(self, value: object) -> bool:
        # bool first: True is also 1. Texts come from queries and from forms.
        if isinstance(value, bool):
            return value
        known = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
        if isinstance(value, (int, str)) and value in known:
            return known[value]
        raise ValueError("must be true or false.")

    @override
    def render(self, value: bool) -> object:
        return int(value) if self.digit else value


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few words."""

    values: tuple[str, ...]

    @override
    def sql(self) -> TypeEngine[Any]:
        return String(32)

    @override
    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.values)}

    @override
    def parse(self, value: object) -> str:
        if isinstance(value, str) and value in self.values:
            return value
        raise ValueError(f"must be one of: {', '.join(self.values)}.")


@dataclass(frozen=True, slots=True)
class Ref(Kind):
    """The id of a row of another noun, of the same garage."""

    noun: str

    @override
    def sql(self) -> TypeEngine[Any]:
        return ID_TYPE

    @override
    def schema(self) -> Schema:
        return {"type": "integer", "minimum": 1}

    @override
    def parse(self, value: object) -> int:
        return Whole(1, MAX_ID).parse(value)


@dataclass(frozen=True, slots=True)
class Identifier(Kind):
    """A row's own id; as 24 hexadecimal digits where ``hexadecimal``."""

    hexadecimal: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return ID_TYPE

    @override
    def schema(self) -> Schema:
        if self.hexadecimal:
            return {"type": "string", "pattern": "^[0-9a-f]{24}$"}
        return {"type": "integer", "minimum": 1}

    @override
    def parse(self, value: object) -> int:
        if not self.hexadecimal:
            return Whole(1, MAX_ID).parse(value)
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{24}", value):
            return Whole(1, MAX_ID).parse(int(value, 16))
        raise ValueError("must be an id of 24 hexadecimal digits.")

    @override
    def render(self, value: int) -> object:
        return f"{value:024x}" if self.hexadecimal else value


@dataclass(frozen=True, slots=True)
class Document(Kind):
    """Free JSON: an object, or a list of texts where ``texts``."""

    texts: bool = False

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        if self.texts:
            return {"type": "array", "items": {"type": "string"}, "maxItems": 1000}
        return {"type": "object", "additionalProperties": True}

    @override
    def parse(self, value: object) -> object:
        if self.texts:
            if isinstance(value, list) and len(value) <= 1000:
                return [Text().parse(item) for item in value]
            raise ValueError("must be a list of texts.")
        if isinstance(value, dict):
            return storable(value)
        raise ValueError("must be an object.")


@dataclass(frozen=True, slots=True)
class Bytes(Kind):
    """Bytes; never in a body as such, and shown by actions alone."""

    @override
    def sql(self) -> TypeEngine[Any]:
        return LargeBinary()

    @override
    def schema(self) -> Schema:
        return {"type": "string", "format": "binary"}

    @override
    def parse(self, value: object) -> bytes:
        raise ValueError("cannot be given here.")


# Any: an open JSON tree.
def storable(value: Any) -> Any:
    """Return ``value`` with its decimals as floats, which JSON columns take."""
    if isinstance(value, dict):
        return {_text(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, str):
        return _text(value)
    return float(value) if isinstance(value, Decimal) else value


def _text(value: str) -> str:
    if not _storable(value):
        raise ValueError("must hold valid Unicode without NUL characters.")
    return value


def _storable(value: str) -> bool:
    """Tell whether every engine stores it: no lone surrogates, and no NUL for PostgreSQL."""
    try:
        return b"\x00" not in value.encode()
    except UnicodeEncodeError:
        return False


def decimal_of(value: object) -> Decimal:
    """Return a JSON number, or text that spells one, exactly; raises ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("must be a number.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("must be a number.") from None
    if not number.is_finite() or number.adjusted() > 30:
        raise ValueError("must be a finite number of sensible size.")
    return number


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)
