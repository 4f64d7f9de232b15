"""What the tables of field sales are made of: fields, and the kinds that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.backoffice.kinds import Choice, Identifier, Kind, Number, Text, Whole
from gateway.backoffice.nested import Many, Mention
from gateway.backoffice.resource import Write

ID = Identifier(hexadecimal=True)

#: Short texts: found by ``search``. Longer ones are read, not looked for.
NAME, NOTES, URL = Text(255), Text(0), Text(2048, format="uri")
#: Addresses that clients spell as they like, relative ones included.
LINK = Text(2048)
#: A time of day, with or without its distance from UTC.
TIME = Text(32, pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?$")

#: What is never below zero, and what may be; kept in cents.
MONEY, SUM = Number(2, Decimal(0)), Number(2)
#: Stock is counted in whole base units.
QUANTITY, SIGNED = Whole(0, 1_000_000_000), Whole(-1_000_000_000, 1_000_000_000)
#: Ratios, measures and degrees.
SHARE, FINE, GEO = Number(4, Decimal(0), Decimal(1)), Number(6), Number(6)


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of which more is to be said than its kind.

    Attributes:
        kind: what it holds; a ``Ref`` is spelled as a hexadecimal id.
        must: a creation has to give it.
        write: when a body may give it.
        default: of a new row.
        find: the list filters on it, by one value or several.
        unique: no two rows of a garage share it.
        column: in the table, when it is not the name in snake case.
        hidden: it is taken, and never shown.
        empty: shown where there is none.
        also: further names by which clients ask for it.
        spans: names behind ``from_`` and ``to_`` by which clients ask for a stretch of it.
    """

    kind: Kind
    must: bool = False
    write: Write = Write.ALWAYS
    default: object = None
    find: bool = False
    unique: bool = False
    column: str = ""
    hidden: bool = False
    empty: object = None
    also: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()

    @property
    def asked(self) -> bool:
        """Lists are narrowed by it."""
        return self.find or bool(self.also or self.spans)


#: Name at the edge -> what it is.
Fields = Mapping[str, Kind | Cell]


def own(kind: Kind, *, default: object = None, find: bool = False, empty: object = None) -> Cell:
    """Return a field that the service alone sets."""
    return Cell(kind, write=Write.NEVER, default=default, find=find, empty=empty)


def first(kind: Kind, *, must: bool = False, default: object = None, find: bool = False) -> Cell:
    """Return a field that is fixed after the creation."""
    return Cell(kind, must=must, write=Write.CREATE, default=default, find=find)


def later(kind: Kind, *, default: object = None, find: bool = False) -> Cell:
    """Return a field that only changes may give."""
    return Cell(kind, write=Write.CHANGE, default=default, find=find)


def words(*values: str) -> Choice:
    """Return the kind of one of a few words."""
    return Choice(values)


def ids(noun: str) -> Many:
    """Return the kind of a list of ids."""
    return Many(Mention(noun))
