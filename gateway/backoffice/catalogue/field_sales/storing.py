"""How rows of field sales are stored: references checked, rules asked, listeners told."""

from __future__ import annotations

from gateway.backoffice.nested import mentions
from gateway.backoffice.refusal import Unprocessable, wrong_field
from gateway.backoffice.resource import Change, Create, Field, Remove, Shape
from gateway.backoffice.rules.field_sales import hooks
from gateway.backoffice.shop import Shop, Values


def create(
    shape: Shape,
    name: str,
    hidden: tuple[Field, ...],
    rule: Create | None,
    shop: Shop,
    values: Values,
) -> int:
    """Store a row by its rule, or as it is, and return its id."""
    _check_mentions(shop, shape, hidden, values)
    row_id = shop.insert(shape.noun.name, values) if rule is None else rule(shop, values)
    hooks.tell(shop, name, "created", row_id)
    return row_id


def change(
    shape: Shape,
    name: str,
    hidden: tuple[Field, ...],
    rule: Change | None,
    shop: Shop,
    row: Values,
    values: Values,
) -> None:
    """Change a row by its rule, or as it is, and count the change."""
    if "status" in values and values["status"] is None and row["status"] is not None:
        raise wrong_field("status", "must not be null: what has a state keeps one.")
    _check_mentions(shop, shape, hidden, values)
    if "revision" in row:
        values["revision"] = (row["revision"] or 0) + 1
    if rule is None:
        shop.change(shape.noun.name, row["id"], values)
    else:
        rule(shop, row, values)
    hooks.tell(shop, name, "updated", row["id"])


def remove(noun: str, name: str, rule: Remove | None, shop: Shop, row: Values) -> None:
    """Remove a row by its rule, or as it is."""
    if rule is None:
        shop.remove(noun, row["id"])
    else:
        rule(shop, row)
    hooks.tell(shop, name, "deleted", row["id"])


def _check_mentions(shop: Shop, shape: Shape, hidden: tuple[Field, ...], values: Values) -> None:
    """Refuse ids inside lists and objects that name nothing of this garage."""
    errors = {
        path: [f"The selected {path} is invalid."]
        for field in (*shape.columns, *hidden)
        if field.source in shape.noun.by_name
        for path, noun, identifier in mentions(
            shape.noun.kinds[field.source], values.get(field.source), field.name
        )
        if shop.find(noun, id=identifier) is None
    }
    if errors:
        raise Unprocessable(errors)
