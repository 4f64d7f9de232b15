"""Create, change and remove, once for all resources. Each is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from gateway.backoffice.body import Body, check_stored, values_of
from gateway.backoffice.reading import Rendered, check_parent, hold_row, read
from gateway.backoffice.resource import Operation, Resource
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Conflict


def create(shop: Shop, resource: Resource, body: Body, parent_id: int | None) -> Rendered:
    """Store a new row and return its document.

    Raises:
        NotFound: the parent is not this garage's.
        Unprocessable: the body breaks rules.
        Conflict: another request took a unique value meanwhile.
    """
    check_parent(shop, resource, parent_id)
    values = values_of(resource, Operation.CREATE, body)
    check_stored(shop, resource, values, None)
    if resource.parent is not None:
        values[resource.parent.column] = parent_id
    identifier = _stored(shop, resource, values)
    return read(shop, resource, identifier, parent_id)


def change(
    shop: Shop,
    resource: Resource,
    identifier: int,
    body: Body,
    parent_id: int | None,
    *,
    whole: bool = False,
) -> Rendered:
    """Change what the body gives, and nothing else; raises like :func:`create`.

    A ``whole`` body must give all that a creation must; what else it leaves out stays too, so
    that a client never erases members which it does not know.
    """
    row = hold_row(shop, resource, identifier, parent_id)
    values = values_of(resource, Operation.CHANGE, body, whole=whole)
    check_stored(shop, resource, values, identifier)
    with _clashes_refused():
        if resource.change is not None:
            resource.change(shop, row, values)
        elif values:
            shop.change(resource.noun.name, identifier, values)
    return read(shop, resource, identifier, parent_id)


def remove(shop: Shop, resource: Resource, identifier: int, parent_id: int | None) -> Rendered:
    """Remove a row and return what it was.

    Raises:
        NotFound: there is none.
        Conflict: other rows refer to it.
        Invalid: its rule refuses.
    """
    row = hold_row(shop, resource, identifier, parent_id)
    document = read(shop, resource, identifier, parent_id)
    with _clashes_refused():
        if resource.remove is not None:
            resource.remove(shop, row)
        else:
            shop.remove(resource.noun.name, identifier)
    return document


def _stored(shop: Shop, resource: Resource, values: Values) -> int:
    with _clashes_refused():
        if resource.create is not None:
            return resource.create(shop, values)
        return shop.insert(resource.noun.name, values)


@contextmanager
def _clashes_refused() -> Iterator[None]:
    """Turn what the database's own constraints refuse into ``Conflict``."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(
            "backoffice.conflict",
            "Another change got in between, or other records refer to this one. Read it again.",
        ) from error
