"""A resource of field sales as one table of fields: its table, its face and its filters.

A field is a kind, or a :class:`Cell` where more is to be said. Names stay as the contract spells
them; columns are the same in snake case. The profile adds the system's own members, the filters
that all its lists have, the search over all short texts, and a sort by everything indexed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from gateway.backoffice.catalogue.field_sales import storing
from gateway.backoffice.catalogue.field_sales.cells import ID, Cell, Fields
from gateway.backoffice.catalogue.field_sales.narrowing import narrowing
from gateway.backoffice.kinds import (
    Document,
    Kind,
    Ref,
    Schema,
    Whole,
)
from gateway.backoffice.nested import Many, Mention
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.profile import Profile
from gateway.backoffice.profiles.field_sales import META, OFFSET, PAGING, RESULT
from gateway.backoffice.resource import (
    EVERYTHING,
    Change,
    Computed,
    Create,
    Field,
    Filter,
    Input,
    Operation,
    Populated,
    Relation,
    Remove,
    Resource,
    Row,
    Shape,
    Write,
)

#: Nothing is removed; nothing is changed.
KEPT = EVERYTHING - {Operation.REMOVE}
BOOKED = KEPT - {Operation.CHANGE}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a resource does beyond storing; each replaces plain storing where it is given."""

    create: Create | None = None
    change: Change | None = None
    remove: Remove | None = None


_PLAIN = Rules()

#: Noun -> how field sales shows it, filled while the declarations are read: references are shown
#: by the shape of what they lead to, whichever file declares it.
_SHAPES: dict[str, Shape] = {}


def sheet(
    path: str,
    profile: Profile,
    schema: str,
    fields: Fields,
    *,
    name: str,
    noun: Noun | None = None,
    operations: frozenset[Operation] = EVERYTHING,
    rules: Rules = _PLAIN,
    members: tuple[Computed, ...] = (),
    filters: tuple[Filter, ...] = (),
    span: str = "",
    unique: tuple[tuple[str, ...], ...] = (),
    aliases: tuple[str, ...] = (),
    instead: Mapping[str, str] | None = None,
    relations: tuple[Relation, ...] = (),
    inputs: tuple[Field | Input, ...] = (),
    seeds: tuple[Mapping[str, object], ...] = (),
    dated: tuple[str, ...] = (),
    meta: bool = False,
) -> Resource:
    """Return the resource that ``fields`` describe.

    Args:
        path: of the list; its words name the ability.
        profile: its habits.
        schema: name of the document's schema.
        fields: name -> kind, in the order of the document.
        name: of the resource, and of its noun.
        noun: the table, where other APIs have it too; made from the fields otherwise.
        operations: which of the five exist.
        rules: what it does beyond storing.
        members: computed ones.
        filters: beyond those of the profile and of the cells.
        span: field that ``from_date`` and ``to_date`` compare.
        unique: fields that are unique together.
        aliases: further paths of the list.
        instead: name in ``populatedKeys`` -> member that the document takes the place of; all
            other references are shown beside their ids, as ``<name>_populated``.
        relations: that members and filters speak of.
        inputs: members of bodies that are no fields.
        seeds: rows that every garage begins with.
        dated: names behind ``from_`` and ``to_`` by which clients ask when rows were made.
        meta: it has ``integration_meta``.
    """
    if meta:
        fields = {**fields, "integration_meta": Document()}
    cells = {key: _cell(key, value) for key, value in fields.items()}
    noun = noun or _noun(name, cells, unique, span, seeds, dated=bool(dated))
    given = {member.name for member in members}
    system = (member for member in _system(noun, profile) if member.name not in given)
    shape = Shape(schema, noun, (*_members(cells), *members, *system), relations)
    _SHAPES[noun.name] = shape
    taken = {filter_.name for filter_ in filters}
    hidden = tuple(_field(key, cell) for key, cell in cells.items() if cell.hidden)
    return Resource(
        name=name,
        profile=profile,
        path=path,
        shape=shape,
        ability=path.strip("/").replace("/", "-"),
        operations=operations,
        filters=(
            *filters,
            *(f for f in narrowing(cells, profile, span, dated) if f.name not in taken),
        ),
        sortable=_sortable(cells, inputs, noun, profile),
        order=("-id",) if profile is OFFSET else ("id",),
        inputs=(*hidden, *inputs),
        create=partial(storing.create, shape, name, hidden, rules.create),
        change=partial(storing.change, shape, name, hidden, rules.change),
        remove=partial(storing.remove, noun.name, name, rules.remove),
        aliases=aliases,
        populated=_populated(cells, instead or {}),
    )


def _cell(name: str, value: Kind | Cell) -> Cell:
    cell = value if isinstance(value, Cell) else Cell(value)
    column = cell.column or _snake(name)
    return replace(cell, column=column)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _noun(
    name: str,
    cells: Mapping[str, Cell],
    unique: tuple[tuple[str, ...], ...],
    span: str,
    seeds: tuple[Mapping[str, object], ...],
    *,
    dated: bool,
) -> Noun:
    columns = [
        Column(
            cell.column,
            cell.kind,
            null=not cell.must and cell.default is None,
            default=cell.default,
            index=(cell.asked or key == span) and not cell.unique,
            unique=cell.unique,
        )
        for key, cell in cells.items()
    ]
    groups = tuple(tuple(cells[key].column for key in group) for group in unique)
    return Noun(
        name,
        (*columns, Column("revision", Whole(0), null=False, default=0)),
        unique=groups,
        seeds=seeds,
        dated=dated,
    )


def _members(cells: Mapping[str, Cell]) -> Iterator[Field]:
    yield Field("_id", "id", kind=ID)
    yield from (_field(name, cell) for name, cell in cells.items() if not cell.hidden)


def _field(name: str, cell: Cell) -> Field:
    kind = ID if isinstance(cell.kind, Ref) else None
    return Field(name, cell.column, kind, cell.write, cell.must, cell.empty)


_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}


def _namespace(row: Row) -> object:
    return [str(row.values["tenant_id"])]


def _system(noun: Noun, profile: Profile) -> Iterator[Field | Computed]:
    if profile is RESULT:
        yield Computed("company_id", {"type": "string"}, lambda row: str(row.values["tenant_id"]))
        yield Field("created_at")
        yield Field("updated_at")
        return
    created, updated = _stamps(profile)
    yield Field(created, "created_at")
    yield Field(updated, "updated_at")
    if profile is OFFSET or profile is META:
        return
    yield Computed("company_namespace", _TEXTS, _namespace)
    if "revision" in noun.by_name:
        yield Field("__v", "revision", write=Write.NEVER, empty=0)
    if profile is PAGING:
        yield Computed("SVClient", {"type": "integer"}, lambda row: row.values["tenant_id"])


def _populated(cells: Mapping[str, Cell], instead: Mapping[str, str]) -> dict[str, Populated]:
    named = {name: noun for name, cell in cells.items() if (noun := _leads_to(cell.kind))}
    shown = {
        name: Populated(name, noun, partial(_SHAPES.__getitem__, noun), f"{name}_populated")
        for name, noun in named.items()
    }
    return shown | {
        key: Populated(member, named[member], partial(_SHAPES.__getitem__, named[member]))
        for key, member in instead.items()
    }


def _leads_to(kind: Kind) -> str:
    """Return the noun that a kind refers to, or nothing."""
    inner = kind.kind if isinstance(kind, Many) else kind
    return inner.noun if isinstance(inner, (Ref, Mention)) else ""


def _stamps(profile: Profile) -> tuple[str, str]:
    return "createdAt", "modifiedAt" if profile is PAGING else "updatedAt"


def _sortable(
    cells: Mapping[str, Cell], inputs: tuple[Field | Input, ...], noun: Noun, profile: Profile
) -> dict[str, str]:
    created, updated = ("created_at", "updated_at") if profile is RESULT else _stamps(profile)
    # Rows are numbered as they are made, so the id sorts by that moment too.
    sortable = {"_id": "id", created: "id", updated: "updated_at"}
    columns = {name: cell.column for name, cell in cells.items()}
    columns |= {field.name: field.source for field in inputs if isinstance(field, Field)}
    return sortable | {name: it for name, it in columns.items() if it in noun.indexed}


def nouns(*resources: Resource) -> tuple[Noun, ...]:
    """Return the nouns that the resources brought with them."""
    return tuple(resource.noun for resource in resources)
