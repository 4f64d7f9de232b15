"""Products and their variants: each product has some, and exactly one of them is the default."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Number
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import stock
from gateway.backoffice.shop import Shop, Values

_PRICE = Number(2, Decimal(0))


def create_product(shop: Shop, values: Values) -> int:
    """Store a product with the variants of its body; without any it gets one of its own name."""
    variants = values.pop("variants", None) or []
    product_id = stock.create_product(shop, {"price_excl": Decimal(0)} | _priced(shop, values))
    for variant in variants:
        create_variant(shop, _variant(variant) | {"product": product_id})
    default_variant(shop, product_id)
    return product_id


def change_product(shop: Shop, row: Values, values: Values) -> None:
    """Change a product; variants of the body are changed by their name, or added."""
    variants = values.pop("variants", None) or []
    shop.change("product", row["id"], _priced(shop, values))
    follow_price(shop, row, values)
    for variant in variants:
        present = shop.find("variant", product=row["id"], name=variant["name"])
        if present is None:
            create_variant(shop, _variant(variant) | {"product": row["id"]})
        else:
            change_variant(shop, present, _variant(variant))


def follow_price(shop: Shop, before: Values, values: Values) -> None:
    """Give the default variant the product's new price, unless it has a price of its own."""
    price = values.get("price_excl")
    default = price is not None and shop.find("variant", product=before["id"], default=True)
    if default and default["price"] == before["price_excl"]:
        shop.change("variant", default["id"], {"price": price})


def _priced(shop: Shop, values: Values) -> Values:
    """Take the price out of its text, and the VAT rate from the tax that is named."""
    if values.get("base_price") is not None:
        try:
            values["price_excl"] = _PRICE.parse(values["base_price"])
        except ValueError as error:
            raise wrong_field("base_price", str(error)) from None
    values.pop("base_price", None)
    if values.get("tax_rate_id") is not None:
        values["vat_rate"] = shop.get("tax_rate", values["tax_rate_id"])["rate"]
    return values


def _variant(given: Values) -> Values:
    """Return columns of a variant inside a product's body."""
    return given | {"price": Decimal(str(given["price"]))}


def create_variant(shop: Shop, values: Values) -> int:
    """Store a variant; the first of a product is its default."""
    first = shop.find("variant", product=values["product"]) is None
    wanted = bool(values.pop("default", False)) or first
    variant_id = shop.insert("variant", values | {"default": False})
    if wanted:
        _make_default(shop, values["product"], variant_id)
    return variant_id


def change_variant(shop: Shop, row: Values, values: Values) -> None:
    """Change a variant, which stays with its product.

    Raises:
        Invalid: the product would be left without a default.
    """
    if values.get("product", row["product"]) != row["product"]:
        raise broken_rule("A variant stays with its product. Make another variant instead.")
    default = values.pop("default", None)
    if default is False and row["default"]:
        raise broken_rule("One variant is the default. Make another one the default instead.")
    shop.change("variant", row["id"], values)
    if default:
        _make_default(shop, row["product"], row["id"])


def remove_variant(shop: Shop, row: Values) -> None:
    """Remove a variant; raises ``Invalid`` for the last one, and for one in stock."""
    others = [
        one for one in shop.where("variant", product=row["product"]) if one["id"] != row["id"]
    ]
    if not others:
        raise broken_rule("A product keeps at least one variant. Remove the product instead.")
    lying = sum(one["quantity"] for one in shop.where("warehouse_stock", variant_id=row["id"]))
    if lying:
        raise broken_rule(f"{lying} of it are in stock. Take them out first.")
    for empty in shop.where("warehouse_stock", variant_id=row["id"]):
        shop.remove("warehouse_stock", empty["id"])
    shop.remove("variant", row["id"])
    if row["default"]:
        _make_default(shop, row["product"], others[0]["id"])


def default_variant(shop: Shop, product_id: int) -> Values:
    """Return a product's default variant; products that another API made get one now."""
    present = shop.find("variant", product=product_id, default=True)
    if present is not None:
        return present
    # Held, so that of two who sell it for the first time one makes the variant.
    product = shop.lock("product", product_id)
    made = shop.find("variant", product=product_id, default=True)
    if made is not None:
        return made
    own = {"name": product["name"], "price": product["price_excl"], "sku": product["sku"]}
    return shop.get("variant", create_variant(shop, own | {"product": product_id}))


def _make_default(shop: Shop, product_id: int, variant_id: int) -> None:
    for row in shop.where("variant", product=product_id, default=True):
        shop.change("variant", row["id"], {"default": False})
    shop.change("variant", variant_id, {"default": True})
