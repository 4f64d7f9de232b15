"""One API's face of a noun, as a record. The engine serves it; nobody writes an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from gateway.backoffice.kinds import Kind, Schema
from gateway.backoffice.noun import Noun
from gateway.backoffice.profile import Profile
from gateway.backoffice.shop import Shop, Values


class Operation(StrEnum):
    """The generic operations."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"

    @property
    def verb(self) -> str:
        """The half of an ability behind the colon."""
        return "read" if self in {Operation.LIST, Operation.READ} else "write"


EVERYTHING = frozenset(Operation)
READING = frozenset({Operation.LIST, Operation.READ})


class Write(Enum):
    """When a body may give a field; a body that gives it otherwise is not refused, but ignored."""

    ALWAYS = "always"
    CREATE = "create"
    CHANGE = "change"
    NEVER = "never"

    def allows(self, operation: Operation) -> bool:
        """Tell whether a body of ``operation`` may give the field."""
        return self is Write.ALWAYS or self.value == operation.value


@dataclass(frozen=True, slots=True)
class Row:
    """A stored row with the rows of its relations.

    Attributes:
        values: column -> value.
        related: relation -> rows, in order; one at most where the relation leads to one.
        now: the present, UTC, for what depends on it.
    """

    values: Mapping[str, Any]  # Any: columns hold what their kinds say
    related: Mapping[str, tuple[Row, ...]]
    now: datetime

    def one(self, relation: str) -> Row | None:
        """Return the row that ``relation`` leads to, if there is one."""
        return next(iter(self.related[relation]), None)


@dataclass(frozen=True, slots=True)
class Field:
    """A column as this API spells it.

    Attributes:
        name: at the edge.
        column: in the table; the same when empty.
        kind: when the edge spells it otherwise than the column does.
        write: when a body may give it.
        required: a creation must give it.
        empty: shown instead of ``null``.
    """

    name: str
    column: str = ""
    kind: Kind | None = None
    write: Write = Write.ALWAYS
    required: bool = False
    empty: object = None

    @property
    def source(self) -> str:
        """The column's name."""
        return self.column or self.name


@dataclass(frozen=True, slots=True)
class Computed:
    """A member made from the row and its relations; never stored, never written.

    Attributes:
        schema: JSON Schema, ``null`` included where it may be.
        compute: row -> JSON-ready value.
    """

    name: str
    schema: Schema = field(hash=False)
    compute: Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Nested:
    """The rows of a relation, each shown by ``shape``: a list, or one document or ``null``."""

    name: str
    relation: str
    shape: Shape
    many: bool = True


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows of another noun that go with this one, fetched for a whole page in one query.

    Attributes:
        name: what members and searches call it.
        noun: the other noun's name.
        here: this noun's column.
        there: the other noun's column that equals it.
        only: further columns of the other noun and the values they must have.
        newest_first: order by id, descending; oldest first otherwise.
        removed: include removed rows: an order still names the customer who is gone.
    """

    name: str
    noun: str
    here: str
    there: str
    only: tuple[tuple[str, object], ...] = ()
    newest_first: bool = False
    removed: bool = False


def to_one(name: str, noun: str, here: str = "") -> Relation:
    """Return the relation to the row whose id this row holds, removed or not."""
    return Relation(name, noun, here or f"{name}_id", "id", removed=True)


def to_many(name: str, noun: str, there: str, *, newest_first: bool = False) -> Relation:
    """Return the relation to the rows that hold this row's id."""
    return Relation(name, noun, "id", there, newest_first=newest_first)


# No slots, and equal only to itself: so that what is derived from it is computed once.
@dataclass(frozen=True, eq=False)
class Shape:
    """A document: what of a row is shown, under which names. A schema of the API's document."""

    name: str
    noun: Noun
    fields: tuple[Field | Computed | Nested, ...]
    relations: tuple[Relation, ...] = ()

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """The members that are columns."""
        return tuple(member for member in self.fields if isinstance(member, Field))

    @cached_property
    def nested(self) -> Mapping[str, Shape]:
        """Relation -> shape that shows it."""
        return {m.relation: m.shape for m in self.fields if isinstance(m, Nested)}

    def kind(self, member: Field) -> Kind:
        """Return how a column is spelled here."""
        return member.kind or self.noun.kinds[member.source]


class Match(Enum):
    """How a filter compares."""

    EQUAL = "equal"
    ANY = "any"
    ABOVE = "above"
    BELOW = "below"
    FROM = "from"
    UNTIL = "until"
    POSITIVE = "positive"
    EMPTY = "empty"
    RELATED = "related"
    AMONG = "among"
    SEARCH = "search"
    HOLDS = "holds"
    FLAG = "flag"
    OPPOSITE = "opposite"
    SECOND = "second"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class Filter:
    """A query parameter that narrows a list.

    Attributes:
        name: query parameter.
        columns: one column; for ``SEARCH`` any number, ``relation.column`` for another noun's.
        match: ``ANY`` takes one value, a repeated parameter or a JSON list; ``FROM`` and ``UNTIL``
            include the value, ``ABOVE`` and ``BELOW`` do not; ``POSITIVE`` and ``EMPTY`` take true
            or false; ``RELATED`` compares ``relation.column``, any row of the
            relation will do, and ``AMONG`` takes what ``ANY`` takes for it; ``HOLDS`` takes what
            ``ANY`` takes and finds it in a column's list of texts; ``SEARCH`` finds the text
            anywhere in any of the columns, whatever its case; ``FLAG`` takes a flag that was never
            set for false, ``OPPOSITE`` finds false for true, and takes it for true; ``SECOND``
            finds the moments within one; ``MEMBERS`` compares members of a JSON object.
        kind: when the parameter is spelled otherwise than the column.
        resolve: turns the values of ``ANY`` into the column's, where other rows have to be asked.
    """

    name: str
    columns: tuple[str, ...] = ()
    match: Match = Match.EQUAL
    kind: Kind | None = None
    resolve: Callable[[Shop, list[object]], list[object]] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns' names."""
        return self.columns or (self.name,)


@dataclass(frozen=True, slots=True)
class Input:
    """A member of a body that is not a column; a rule of the resource uses it up."""

    name: str
    kind: Kind
    required: bool = False
    write: Write = Write.ALWAYS


@dataclass(frozen=True, slots=True)
class Populated:
    """A member with references that callers may have shown as documents.

    Attributes:
        member: holds an id, or a list of them, as the edge spells ids.
        noun: of the rows they name.
        shape: shows them.
        beside: member that shows the documents; empty: they take the references' place.
    """

    member: str
    noun: str
    shape: Callable[[], Shape]
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Parent:
    """The noun whose row the path names first, and this noun's column that holds its id."""

    noun: str
    column: str


#: Domain functions that replace plain storing. ``values``: columns and inputs of the body.
Create = Callable[[Shop, Values], int]
Change = Callable[[Shop, Values, Values], None]
Remove = Callable[[Shop, Values], None]


@dataclass(frozen=True, eq=False)
class Resource:
    """A noun as one API serves it.

    Attributes:
        profile: the API and its habits.
        path: of the list; ``{id}`` is the parent's where there is one.
        shape: what lists show, and what bodies are read by.
        detail: what reading one shows, when that is more.
        item: name of the path parameter of one document.
        operations: which of the five exist.
        ability: first half of the token abilities (``customers`` -> ``customers:read``).
        roles: operation -> roles that may do it; all roles where it is not named.
        parent: set when the path begins with another noun's id.
        filters: query parameters.
        sortable: name at the edge -> indexed column.
        order: columns, ``-`` in front for descending; ``id`` breaks ties.
        inputs: members of bodies beyond the shape's columns: columns that are not shown plainly
            (``Field``), and what a rule uses up (``Input``).
        create: instead of storing the values: (shop, values) -> id.
        change: instead of changing the row: (shop, row, values).
        remove: instead of removing the row: (shop, row).
        aliases: further paths of the list, and with them of all operations.
        module: licence module that must be switched on; empty for none.
        only: columns of this noun and the values they must have: other rows are not its.
        own: column that holds the caller's user id: rows of others do not exist for them.
        posted: a POST to one document changes it, for clients whose PUT carries no files.
        populated: name in the profile's ``populate`` parameter -> what it shows.
    """

    name: str
    profile: Profile
    path: str
    shape: Shape
    ability: str
    detail: Shape | None = None
    item: str = "id"
    operations: frozenset[Operation] = EVERYTHING
    roles: Mapping[Operation, frozenset[str]] = field(default_factory=dict)
    parent: Parent | None = None
    filters: tuple[Filter, ...] = ()
    sortable: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ("-id",)
    inputs: tuple[Field | Input, ...] = ()
    create: Create | None = None
    change: Change | None = None
    remove: Remove | None = None
    aliases: tuple[str, ...] = ()
    module: str = ""
    only: tuple[tuple[str, object], ...] = ()
    own: str = ""
    posted: bool = False
    populated: Mapping[str, Populated] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths of the list; the first is the documented one."""
        return (self.path, *self.aliases)

    @property
    def noun(self) -> Noun:
        """What it is a face of."""
        return self.shape.noun

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """Columns that bodies may give, subject to their ``write``."""
        given = (*self.shape.columns, *(i for i in self.inputs if isinstance(i, Field)))
        return tuple(field for field in given if field.source in self.noun.by_name)

    @cached_property
    def extras(self) -> tuple[Input, ...]:
        """Members of bodies that a rule uses up."""
        return tuple(item for item in self.inputs if isinstance(item, Input))

    @property
    def full(self) -> Shape:
        """What reading, creating and changing one answers."""
        return self.detail or self.shape
