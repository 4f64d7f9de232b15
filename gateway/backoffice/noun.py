"""A thing the shop keeps, as a record: one table, whichever APIs show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gateway.backoffice.kinds import Identifier, Kind, Ref
from gateway.backoffice.moments import Moment

#: Columns that every noun has without saying so.
STANDARD = ("id", "tenant_id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: its name in the table.
        kind: what it holds; a :class:`Ref` makes a foreign key, with an index.
        null: it may be empty.
        default: stored when a new row does not give it; ``None`` is no default.
        index: lists filter or sort on it; indexed behind the tenant.
        unique: no two rows of one garage share it, deleted rows included.
    """

    name: str
    kind: Kind
    null: bool = True
    default: object = None
    index: bool = False
    unique: bool = False


# No slots, and equal only to itself: so that what is derived from it is computed once.
@dataclass(frozen=True, eq=False)
class Noun:
    """A table of the shop. Each row belongs to one garage (``tenant_id``).

    Attributes:
        name: singular, snake case; the table is ``backoffice_<name>``.
        columns: beyond ``id``, ``tenant_id``, ``created_at`` and ``updated_at``.
        soft: removed rows stay, with ``deleted_at``, because documents refer to them.
        unique: groups of columns that are unique together within a garage.
        indexes: groups of columns: what lists filter by, then what they are sorted by.
        table: set when another room owns the table: then it is read, and changed by rules alone.
        seeds: rows that every garage begins with (``rules.seeds``).
        dated: lists ask for rows by when they were made: ``created_at`` is indexed too.
    """

    name: str
    columns: tuple[Column, ...]
    soft: bool = False
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    table: str = ""
    seeds: tuple[Mapping[str, object], ...] = ()
    dated: bool = False

    @property
    def table_name(self) -> str:
        """The table's name in the database."""
        return self.table or f"backoffice_{self.name}"

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Column name -> kind, standard columns included."""
        stamps = ("created_at", "updated_at") if not self.table else ()
        kinds: dict[str, Kind] = {"id": Identifier(), "tenant_id": Ref("tenant")}
        kinds |= {name: Moment() for name in (*stamps, *(["deleted_at"] if self.soft else []))}
        return kinds | {column.name: column.kind for column in self.columns}

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Column name -> declaration, without the standard columns."""
        return {column.name: column for column in self.columns}

    @cached_property
    def indexed(self) -> frozenset[str]:
        """Columns that a filter can use without reading every row of the garage."""
        own = {c.name for c in self.columns if c.index or c.unique or isinstance(c.kind, Ref)}
        firsts = {group[0] for group in (*self.unique, *self.indexes)}
        stamps = {"updated_at", *(["created_at"] if self.dated else [])}
        return frozenset(own | firsts | {"id", "tenant_id"} | stamps)
