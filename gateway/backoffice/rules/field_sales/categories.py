"""Categories of work orders: a tree without circles."""

from __future__ import annotations

from collections import Counter, defaultdict

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)
_SHOWN = ("name", "description", "code", "color", "icon")


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a category; raises ``Invalid`` when it would come to lie under itself."""
    parent, seen = values.get("parent_category"), {row["id"]}
    while parent is not None:
        if parent in seen:
            raise broken_rule("A category cannot lie under itself, not even by way of others.")
        seen.add(parent)
        parent = shop.get("field_category", parent)["parent_category"]
    shop.change("field_category", row["id"], values)


def remove(shop: Shop, row: Values) -> None:
    """Remove a category under which nothing lies."""
    children = shop.count("field_category", parent_category=row["id"])
    if children:
        raise broken_rule(f"{children} categories lie under it. Remove or move them first.")
    shop.remove("field_category", row["id"])


def tree(shop: Shop, _: Values) -> list[Values]:
    """Return the categories under which the others lie, with the number of work orders."""
    children: defaultdict[int | None, list[Values]] = defaultdict(list)
    for row in sorted(shop.where("field_category"), key=lambda row: row["sort_order"] or 0):
        children[row["parent_category"]].append(row)
    counts = Counter(order["category"] for order in shop.where("field_order"))
    return [_node(row, children, counts) for row in children[None]]


def _node(
    row: Values, children: defaultdict[int | None, list[Values]], counts: Counter[int | None]
) -> Values:
    shown = {name: row[name] for name in _SHOWN if row[name] is not None}
    below = [_node(child, children, counts) for child in children[row["id"]]]
    identifier = _ID.render(row["id"])
    return {"_id": identifier, **shown, "children": below, "workorder_count": counts[row["id"]]}
