"""``/v1/vehicles``: makes, model groups, models, variants, and what a VIN leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from quart import Blueprint, Response, request

from gateway.domain.errors import NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer.door import CustomerDoor, number_in_path
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, day, page, reply
from gateway.storage.queries import page as stored
from gateway.storage.queries import vehicles
from gateway.storage.queries.vehicles import Make, Model, ModelGroup, Variant
from gateway.tickets.catalogue.vin import identify
from gateway.web import parameters
from gateway.web.auth import require_customer
from gateway.web.paging import page_from

T = TypeVar("T")


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the vehicles' routes."""
    routes = Blueprint("customer_vehicles", __name__)
    _add_search(routes, door)
    _add_items(routes, door)

    async def caller() -> CustomerPrincipal:
        return await require_customer(door.identity)

    # The queries differ in what they are about; each takes the offset and the limit by name.
    async def listed(
        query: Callable[..., stored.Page[T]], *about: int, shape: Callable[[T], Json]
    ) -> Response:
        wanted = page_from(request.args, door.pages)
        found = await door.database.read(query, *about, offset=wanted.offset, limit=wanted.limit)
        return page(found, wanted, shape)

    @routes.get(PATHS["listVehicleMakes"])
    async def list_makes() -> Response:
        await caller()
        return await listed(vehicles.makes, shape=make_shape)

    @routes.get(PATHS["listVehicleModelGroups"])
    async def list_model_groups() -> Response:
        await caller()
        make_id = _wanted("vehicle_make_id")
        return await listed(vehicles.model_groups, make_id, shape=group_shape)

    @routes.get(PATHS["listVehicleModels"])
    async def list_models() -> Response:
        await caller()
        group_id = _wanted("vehicle_model_group_id")
        return await listed(vehicles.models, group_id, shape=model_shape)

    @routes.get(PATHS["listVehicleModelVariants"])
    async def list_variants() -> Response:
        await caller()
        model_id = _wanted("vehicle_model_id")
        return await listed(vehicles.variants, model_id, shape=variant_shape)

    return routes


def _add_search(routes: Blueprint, door: CustomerDoor) -> None:
    @routes.get(PATHS["searchVehicle"])
    async def search() -> Response:
        await require_customer(door.identity)
        vin = parameters.required(parameters.text(request.args, "vin"), "vin")
        found = await door.database.read(identify, vin, door.clock().date())
        return reply(
            {
                "make": make_shape(found.make),
                "model_group": found.group and group_shape(found.group),
                "model": found.model and model_shape(found.model),
                "model_variant": found.variant and variant_shape(found.variant),
            }
        )


def _add_items(routes: Blueprint, door: CustomerDoor) -> None:
    @routes.get("/v1/vehicles/makes/<make_id>")
    async def get_make(make_id: str) -> Response:
        await require_customer(door.identity)
        number = number_in_path(make_id, "makeId")
        found = await door.database.read(vehicles.find_make, number)
        return reply(make_shape(_existing(found, "make")))

    @routes.get(PATHS["getVehicleModelGroup"])
    async def get_model_group(group_id: str) -> Response:
        await require_customer(door.identity)
        number = number_in_path(group_id, "modelGroupId")
        found = await door.database.read(vehicles.find_model_group, number)
        return reply(group_shape(_existing(found, "model group")))

    @routes.get(PATHS["getVehicleModel"])
    async def get_model(model_id: str) -> Response:
        await require_customer(door.identity)
        number = number_in_path(model_id, "modelId")
        found = await door.database.read(vehicles.find_model, number)
        return reply(model_shape(_existing(found, "model")))

    @routes.get(PATHS["getVehicleModelVariant"])
    async def get_variant(variant_id: str) -> Response:
        await require_customer(door.identity)
        number = number_in_path(variant_id, "modelVariantId")
        found = await door.database.read(vehicles.find_variant, number)
        return reply(variant_shape(_existing(found, "model variant")))


def make_shape(make: Make) -> Json:
    """Return a make."""
    return {"id": make.id, "name": make.name}


def group_shape(group: ModelGroup) -> Json:
    """Return a model group with its make."""
    return {
        "id": group.id,
        "name": group.name,
        "vehicle_make_id": group.make.id,
        "vehicle_make_name": group.make.name,
    }


def model_shape(model: Model) -> Json:
    """Return a model with what it belongs to."""
    return {
        "id": model.id,
        "name": model.name,
        "manufactured_from": day(model.manufactured_from),
        "manufactured_to": day(model.manufactured_to),
        "requires_doip": model.requires_doip,
        **_above_model(model.group),
    }


def variant_shape(variant: Variant) -> Json:
    """Return a variant with what it belongs to."""
    return {
        "id": variant.id,
        "name": variant.name,
        "manufactured_from": day(variant.manufactured_from),
        "manufactured_to": day(variant.manufactured_to),
        "requires_doip": variant.requires_doip,
        "vehicle_model_id": variant.model.id,
        "vehicle_model_name": variant.model.name,
        **_above_model(variant.model.group),
    }


def _above_model(group: ModelGroup) -> Json:
    return {
        "vehicle_model_group_id": group.id,
        "vehicle_model_group_name": group.name,
        "vehicle_make_id": group.make.id,
        "vehicle_make_name": group.make.name,
    }


def _wanted(name: str) -> int:
    return parameters.required(parameters.integer(request.args, name), name)


def _existing(found: T | None, noun: str) -> T:
    if found is None:
        raise NotFound("vehicle.unknown", f"There is no such {noun}. List them first.")
    return found
