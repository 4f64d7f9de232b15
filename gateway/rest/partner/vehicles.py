"""Makes, model groups and models, as tickets name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from quart import Blueprint, Response, jsonify, request

from gateway.rest.partner.door import Json, PartnerDoor, existing, guarded, listing
from gateway.storage.queries import vehicles
from gateway.storage.queries.page import Page
from gateway.storage.queries.vehicles import Make, Model, ModelGroup
from gateway.web import parameters
from gateway.web.paging import page_from
from gateway.web.parameters import LARGEST

T = TypeVar("T")

_ID = f"<int(max={LARGEST}):item_id>"


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes below ``/partner/v2/vehicles``."""
    routes = guarded(door, "partner_vehicles")
    _add_lists(routes, door)
    _add_items(routes, door)
    return routes


def _add_lists(routes: Blueprint, door: PartnerDoor) -> None:
    # The queries differ in what they are about; each takes the offset and the limit by name.
    async def listed(
        query: Callable[..., Page[T]], shape: Callable[[T], Json], *filters: str
    ) -> Response:
        page = page_from(request.args, door.pages)
        applied: Json = {}
        about: list[int] = []
        for name in filters:
            value = parameters.required(parameters.integer(request.args, name), name)
            applied[name] = value
            about.append(value)
        found = await door.database.read(query, *about, offset=page.offset, limit=page.limit)
        return listing(applied, found, shape, page)

    @routes.get("/vehicles/makes")
    async def list_makes() -> Response:
        return await listed(vehicles.makes, _make)

    @routes.get("/vehicles/model-groups")
    async def list_model_groups() -> Response:
        return await listed(vehicles.model_groups, _group, "make_id")

    @routes.get("/vehicles/models")
    async def list_models() -> Response:
        return await listed(vehicles.models, _model, "model_group_id")


def _add_items(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get(f"/vehicles/makes/{_ID}")
    async def get_make(item_id: int) -> Response:
        found = await door.database.read(vehicles.find_make, item_id)
        return jsonify(_make(existing(found, "make")))

    @routes.get(f"/vehicles/model-groups/{_ID}")
    async def get_model_group(item_id: int) -> Response:
        found = await door.database.read(vehicles.find_model_group, item_id)
        return jsonify(_group(existing(found, "model group")))

    @routes.get(f"/vehicles/models/{_ID}")
    async def get_model(item_id: int) -> Response:
        found = await door.database.read(vehicles.find_model, item_id)
        return jsonify(_model(existing(found, "model")))


def _make(make: Make) -> Json:
    return {"id": make.id, "enabled": True, "name": make.name}


def _group(group: ModelGroup) -> Json:
    return {"id": group.id, "enabled": True, "make_id": group.make.id, "name": group.name}


def _model(model: Model) -> Json:
    since, until = model.manufactured_from, model.manufactured_to
    return {
        "id": model.id,
        "enabled": True,
        "name": model.name,
        "make_id": model.group.make.id,
        "model_group_id": model.group.id,
        "manufactured_from": None if since is None else since.isoformat(),
        "manufactured_till": None if until is None else until.isoformat(),
    }
