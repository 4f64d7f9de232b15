"""What narrows a list of field sales: by its fields, by its profile's habits, by words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.backoffice.catalogue.field_sales.cells import ID, NAME, Cell
from gateway.backoffice.kinds import Choice, Flag, Kind, Ref, Text, Whole
from gateway.backoffice.moments import EpochMillis, Moment
from gateway.backoffice.nested import Many, Mention
from gateway.backoffice.profile import Profile
from gateway.backoffice.profiles.field_sales import OFFSET, PAGING
from gateway.backoffice.resource import Filter, Match

#: Points in time as filters spell them.
_MILLIS = EpochMillis()


def narrowing(
    cells: Mapping[str, Cell], profile: Profile, span: str, dated: tuple[str, ...]
) -> Iterator[Filter]:
    """Yield what narrows the list of these fields.

    Args:
        cells: name -> field, columns filled in.
        profile: whose filters all its lists have.
        span: field that ``from_date`` and ``to_date`` compare, or nothing.
        dated: names behind ``from_`` and ``to_`` for when rows were made.
    """
    if profile is not OFFSET:
        # Lists by offset take all conditions as one JSON object instead.
        yield from (found for name, cell in cells.items() for found in _by_cell(name, cell))
        yield Filter("_id", ("id",), Match.ANY, ID)
        yield Filter("company_namespace", ("tenant_id",), Match.ANY, Whole(1))
    if profile is not OFFSET and profile is not PAGING:
        yield Filter("from__id", ("id",), Match.ABOVE, ID)
        yield Filter("to__id", ("id",), Match.BELOW, ID)
        yield from _stretch("updated_at", ("updatedAt",), _MILLIS)
    yield from _stretch("created_at", dated, _MILLIS)
    if "createdAt" in dated:
        yield Filter("createdAt", ("created_at",), Match.SECOND, _MILLIS)
        yield Filter("updatedAt", ("updated_at",), Match.SECOND, _MILLIS)
    texts = _texts(cells)
    if texts and profile is not PAGING:
        yield Filter("search", texts, Match.SEARCH)
    if span:
        column = cells[span].column
        yield Filter("from_date", (column,), Match.FROM)
        yield Filter("to_date", (column,), Match.UNTIL)


def _by_cell(name: str, cell: Cell) -> Iterator[Filter]:
    if isinstance(cell.kind, Moment):
        # As documents spell it under its own name, in milliseconds under the others.
        yield from ([Filter(name, (cell.column,), Match.ANY)] if cell.find else [])
        yield from (Filter(each, (cell.column,), Match.SECOND, _MILLIS) for each in cell.also)
        yield from _stretch(cell.column, cell.spans, _MILLIS)
        return
    refers = isinstance(cell.kind, Ref)
    listed = isinstance(cell.kind, Many) and isinstance(cell.kind.kind, Mention)
    names = (name, *cell.also) if cell.find or refers or listed else cell.also
    match = Match.HOLDS if listed else _matches(cell.kind)
    yield from (Filter(each, (cell.column,), match, ID if refers else None) for each in names)
    yield from _stretch(cell.column, cell.spans, None)


def _matches(kind: Kind) -> Match:
    return Match.FLAG if isinstance(kind, Flag) else Match.ANY


def _stretch(column: str, names: tuple[str, ...], kind: Kind | None) -> Iterator[Filter]:
    for name in names:
        yield Filter(f"from_{name}", (column,), Match.ABOVE, kind)
        yield Filter(f"to_{name}", (column,), Match.BELOW, kind)


def _texts(cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Return the columns that ``search`` looks into: short texts, or else whatever is words."""
    short = tuple(c.column for c in cells.values() if _searched(c))
    return short or tuple(
        c.column for c in cells.values() if isinstance(c.kind, (Text, Choice)) and not c.hidden
    )


def _searched(cell: Cell) -> bool:
    return isinstance(cell.kind, Text) and 0 < cell.kind.limit <= NAME.limit and not cell.hidden
