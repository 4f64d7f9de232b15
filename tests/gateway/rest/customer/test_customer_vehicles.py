from __future__ import annotations

import pytest

from tests.gateway.portals import Portal
from tests.gateway.workshops import GOLF, MINE


async def test_a_vin_leads_to_a_vehicle(portal: Portal) -> None:
    found = await portal.get("/v1/vehicles/search?vin=1c6srfft4mn528417", "VehicleSearchResult")
    assert found["make"]["name"] == "Ram"
    assert found["model_variant"]["name"] == "5.7 V8 eTorque (295 kW)"
    assert found["model_variant"]["vehicle_model_id"] == found["model"]["id"]
    partly = await portal.get("/v1/vehicles/search?vin=WVWZZZXXZHP341562", "VehicleSearchResult")
    assert (partly["make"]["name"], partly["model_group"], partly["model"]) == (
        "Volkswagen",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "parameter.missing"),
        ("vin=", 400, "parameter.missing"),
        ("vin=WVW", 400, "vehicle.vin_malformed"),
        ("vin=1C6SRFFT5MN528417", 400, "vehicle.vin_check_digit"),
        ("vin=XYZZZZAUZHP341562", 404, "vehicle.unknown_maker"),
    ],
)
async def test_vins_that_lead_nowhere(portal: Portal, query: str, status: int, code: str) -> None:
    problem = await portal.refused("GET", f"/v1/vehicles/search?{query}", status)
    assert (problem["code"], problem["field"]) == (code, "vin")


async def test_the_tree_from_make_to_variant(portal: Portal) -> None:
    makes = await portal.get("/v1/vehicles/makes?limit=200", "VehicleMakePage")
    assert makes["total"] == len(makes["result"]) >= 25
    names = [make["name"] for make in makes["result"]]
    assert names == sorted(names)
    make = next(one for one in makes["result"] if one["name"] == "Volkswagen")
    groups = await portal.get(
        f"/v1/vehicles/model-groups?vehicle_make_id={make['id']}", "VehicleModelGroupPage"
    )
    group = next(one for one in groups["result"] if one["name"] == "Golf")
    models = await portal.get(
        f"/v1/vehicles/models?vehicle_model_group_id={group['id']}", "VehicleModelPage"
    )
    assert [one["name"].split()[1] for one in models["result"]] == ["VIII", "VII", "VI", "V"]
    model = models["result"][1]
    assert (model["manufactured_from"], model["requires_doip"]) == ("2012-08-01", False)
    variants = await portal.get(
        f"/v1/vehicles/model-variants?vehicle_model_id={model['id']}", "VehicleModelVariantPage"
    )
    variant = variants["result"][0]
    for path, schema, shown in (
        (f"makes/{make['id']}", "VehicleMake", make),
        (f"model-groups/{group['id']}", "VehicleModelGroup", group),
        (f"models/{model['id']}", "VehicleModel", model),
        (f"model-variants/{variant['id']}", "VehicleModelVariant", variant),
    ):
        assert await portal.get(f"/v1/vehicles/{path}", schema) == shown


async def test_an_empty_branch_is_an_empty_page(portal: Portal) -> None:
    page = await portal.get(
        "/v1/vehicles/models?vehicle_model_group_id=999999", "VehicleModelPage"
    )
    assert (page["result"], page["total"]) == ([], 0)


@pytest.mark.parametrize("noun", ["makes", "model-groups", "models", "model-variants"])
async def test_unknown_branches(portal: Portal, noun: str) -> None:
    await portal.refused("GET", f"/v1/vehicles/{noun}/999999", 404)
    await portal.refused("GET", f"/v1/vehicles/{noun}/golf", 400)
    await portal.refused("GET", f"/v1/vehicles/{noun}/1", 401, token=None)
    await portal.refused("GET", f"/v1/vehicles/{noun}?limit=201", 400)
    if noun != "makes":
        problem = await portal.refused("GET", f"/v1/vehicles/{noun}", 400)
        assert problem["code"] == "parameter.missing"


async def test_vehicles_served_before_newest_first(portal: Portal) -> None:
    workshop = portal.workshop
    workshop.presence.plug_in(MINE)
    for vin in (GOLF, "WVWZZZAUZHP000001", GOLF):
        ticket = await workshop.service.create(workshop.customer, workshop.order(vin=vin))
        await workshop.service.begin(workshop.operator, ticket.id)
        portal.clock.advance(60)
        await workshop.service.close(workshop.operator, ticket.id)
    page = await portal.get("/v1/historical-vehicles", "ServicedVehiclePage")
    assert [one["vin"] for one in page["result"]] == [GOLF, "WVWZZZAUZHP000001"]
    assert page["result"][0]["last_serviced_at"] == "2026-03-02T09:33:00Z"
    assert page["result"][0]["make_name"] == "Volkswagen"
    others = await portal.get("/v1/historical-vehicles", "ServicedVehiclePage", token="next")
    assert others["total"] == 0
