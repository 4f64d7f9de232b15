"""The catalogue's operations of the customer API: vehicles, products, prices."""

from __future__ import annotations

from gateway.rest.customer.cart import CartBody
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.products import FavouriteBody
from gateway.web.openapi import FLAG, NUMBER, TEXT, UUID_TEXT, Operation, Query

PAGE = (Query("offset", NUMBER), Query("limit", NUMBER | {"maximum": 200}))
VEHICLE = (
    Query("vehicle_model_id", NUMBER, required=True),
    Query("vehicle_model_variant_id", NUMBER, required=True),
)


def reading(name: str, path: str, summary: str, tag: str, answer: str, *query: Query) -> Operation:
    """Return an operation that reads."""
    return Operation(name, "GET", path, summary, tag, query=query, answer=answer)


def known(name: str, summary: str, tag: str, answer: str, *query: Query) -> Operation:
    """Return a reading operation whose path stands in the table of uncertain ones."""
    return reading(name, PATHS[name], summary, tag, answer, *query)


VEHICLES = (
    known(
        "searchVehicle",
        "From a VIN to a vehicle",
        "Vehicles",
        "VehicleSearchResult",
        Query("vin", TEXT, required=True),
    ),
    known("listVehicleMakes", "List makes", "Vehicles", "VehicleMakePage", *PAGE),
    reading(
        "getVehicleMake", "/v1/vehicles/makes/{make_id}", "One make", "Vehicles", "VehicleMake"
    ),
    known(
        "listVehicleModelGroups",
        "List model groups of a make",
        "Vehicles",
        "VehicleModelGroupPage",
        Query("vehicle_make_id", NUMBER, required=True),
        *PAGE,
    ),
    known("getVehicleModelGroup", "One model group", "Vehicles", "VehicleModelGroup"),
    known(
        "listVehicleModels",
        "List models of a group",
        "Vehicles",
        "VehicleModelPage",
        Query("vehicle_model_group_id", NUMBER, required=True),
        *PAGE,
    ),
    known("getVehicleModel", "One model", "Vehicles", "VehicleModel"),
    known(
        "listVehicleModelVariants",
        "List variants of a model",
        "Vehicles",
        "VehicleModelVariantPage",
        Query("vehicle_model_id", NUMBER, required=True),
        *PAGE,
    ),
    known("getVehicleModelVariant", "One variant", "Vehicles", "VehicleModelVariant"),
    known(
        "listServicedVehicles", "Vehicles served before", "Vehicles", "ServicedVehiclePage", *PAGE
    ),
)

PRODUCTS = (
    reading(
        "listProductGroups",
        "/v1/product-groups",
        "Groups of products for a vehicle",
        "Products",
        "ProductGroupPage",
        *VEHICLE,
        *PAGE,
    ),
    reading(
        "listProductBundles",
        "/v1/product-bundles",
        "Bundles of products for a vehicle",
        "Products",
        "ProductBundlePage",
        *VEHICLE,
        Query("product_group_id", NUMBER),
        *PAGE,
    ),
    known(
        "listProducts",
        "Products on offer for a vehicle",
        "Products",
        "ProductPage",
        *VEHICLE,
        Query("product_group_id", NUMBER),
        Query("product_bundle_id", UUID_TEXT),
        Query("is_favorite", FLAG),
        *PAGE,
    ),
    known(
        "listProductPrerequisites",
        "Questions to answer before ordering",
        "Products",
        "ProductPrerequisitePage",
        *VEHICLE,
        Query("product_id", {"type": "string", "pattern": r"^\d+(,\d+)*$"}, required=True),
        *PAGE,
    ),
    Operation(
        "addFavoriteProduct",
        "POST",
        PATHS["addFavoriteProduct"],
        "Make a product a favourite",
        "Products",
        body=FavouriteBody,
        status=201,
        answer={"type": "null"},
    ),
    Operation(
        "removeFavoriteProduct",
        "DELETE",
        PATHS["removeFavoriteProduct"],
        "Make a product a favourite no more",
        "Products",
        status=204,
    ),
    Operation(
        "calculateCartPrices",
        "POST",
        "/v1/cart/calculate-prices",
        "Price products for a vehicle",
        "Cart",
        body=CartBody,
        answer="Cart",
    ),
)
