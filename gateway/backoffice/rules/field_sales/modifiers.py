"""What is added to a product by choice: groups of modifiers, and what a line chose of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from decimal import Decimal

from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.shop import Shop, Values

_NOTHING = Decimal(0)


def create_group(shop: Shop, values: Values) -> int:
    """Store a group; its modifiers get ids where they bring none."""
    return shop.insert("modifier_group", _named(values))


def change_group(shop: Shop, row: Values, values: Values) -> None:
    """Change a group; new modifiers get ids."""
    shop.change("modifier_group", row["id"], _named(values))


def _named(values: Values) -> Values:
    if values.get("max_selection") is not None and values["max_selection"] < 1:
        raise wrong_field("max_selection", "must be at least 1.")
    ids = set()
    for place, modifier in enumerate(values.get("modifiers") or []):
        modifier["_id"] = modifier.get("_id") or secrets.token_hex(12)
        if modifier["_id"] in ids:
            raise wrong_field(f"modifiers.{place}._id", "is another one's in this group.")
        ids.add(modifier["_id"])
    return values


def surcharge(shop: Shop, product: Values, variant: Values, item: Values, where: str) -> Decimal:
    """Return what a line's ``modifiers`` add to the price of one.

    Raises:
        Unprocessable: a group that has to be chosen from was not, more was chosen of one than it
            allows, or something that the product does not offer.
    """
    chosen = [_chosen(one, f"{where}.modifiers") for one in item.get("modifiers") or []]
    if len(set(chosen)) != len(chosen):
        raise wrong_field(f"{where}.modifiers", "must name each of them once.")
    groups = list(_groups(shop, product, variant))
    offered = {one["_id"]: one for group in groups for one in group["modifiers"] or []}
    unknown = [one for one in chosen if one not in offered]
    if unknown:
        raise wrong_field(f"{where}.modifiers", f"names what is not offered: {unknown[0][:64]}.")
    for group in groups:
        _check_choice(group, chosen, f"{where}.modifiers")
    return sum((_price(offered[one]) for one in chosen), _NOTHING)


def _chosen(given: object, where: str) -> str:
    """Return the id of a modifier, which a line names plainly or as an object."""
    found = given.get("_id") or given.get("modifier") if isinstance(given, dict) else given
    if not isinstance(found, str):
        raise wrong_field(where, "must name modifiers by their ids.")
    return found


def _groups(shop: Shop, product: Values, variant: Values) -> Iterator[Values]:
    keys = [*(product["modifiers_group"] or []), *(variant["modifiers_groups"] or [])]
    for key in dict.fromkeys(keys):
        group = shop.find("modifier_group", id=int(key, 16))
        if group is not None and not group["disabled"]:
            yield group


def _check_choice(group: Values, chosen: list[str], where: str) -> None:
    count = sum(one["_id"] in chosen for one in group["modifiers"] or [])
    if group["is_required"] and not count:
        raise wrong_field(where, f"must hold a choice of {group['name']}.")
    if count > group["max_selection"]:
        raise wrong_field(where, f"may hold {group['max_selection']} of {group['name']} at most.")


def _price(modifier: Values) -> Decimal:
    return Decimal(str(modifier.get("price_adjustment") or 0))
