"""References shown as the documents they name, when a caller asks for it: one query for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.backoffice.reading import Rendered, render, with_relations
from gateway.backoffice.resource import Populated, Resource
from gateway.backoffice.shop import Shop


def populate(
    shop: Shop, resource: Resource, names: Iterable[str], documents: Sequence[Rendered]
) -> list[Rendered]:
    """Return ``documents`` with the named references shown as documents.

    A reference to what is gone for good stays as it is.
    """
    shown = list(documents)
    for name in names:
        populated = resource.populated[name]
        # By what was there at first: one reference may be asked for under two names.
        known = _documents(shop, resource, populated, documents)
        shown = [
            document | _shown(before, populated, known)
            for before, document in zip(documents, shown, strict=True)
        ]
    return shown


def _documents(
    shop: Shop, resource: Resource, populated: Populated, documents: Iterable[Rendered]
) -> dict[object, Rendered]:
    """Return id as the edge spells it -> the document."""
    identifier, shape = resource.profile.api.identifier, populated.shape()
    keys = {key for document in documents for key in _keys(document.get(populated.member))}
    table = shop.tables[populated.noun]
    ids = sorted(int(str(identifier.parse(key))) for key in keys)
    rows = shop.rows(shop.select(populated.noun, removed=True).where(table.c.id.in_(ids)))
    return {
        identifier.render(row.values["id"]): render(shape, row, omit_null=True)
        for row in with_relations(shop, shape, rows)
    }


def _keys(value: object) -> list[object]:
    if isinstance(value, list):
        return list(value)
    return [] if value is None else [value]


def _shown(document: Rendered, populated: Populated, known: dict[object, Rendered]) -> Rendered:
    value = document.get(populated.member)
    if value is None:
        return {}
    if isinstance(value, list):
        shown: object = [known.get(key, key) for key in value]
    else:
        shown = known.get(value, value)
    return {populated.beside or populated.member: shown}
