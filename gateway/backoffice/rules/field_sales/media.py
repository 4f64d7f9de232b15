"""Files that lie elsewhere: who made them known."""

from __future__ import annotations

from gateway.backoffice.shop import Shop, Values


def create_file(shop: Shop, values: Values) -> int:
    """Store where a file lies, with the name of whoever says so."""
    user = shop.find("shop_user", id=shop.user_id)
    return shop.insert("media_file", values | {"uploaded_by": user["name"] if user else None})
