from __future__ import annotations

import pytest

from tests.gateway.partners import Provider

pytestmark = pytest.mark.slow


async def test_vehicles_lead_to_models(provider: Provider) -> None:
    golf = provider.workshop.golf.model
    makes = await provider.done("GET", "/vehicles/makes?limit=200")
    assert {"id": golf.group.make.id, "enabled": True, "name": "Volkswagen"} in makes["result"]
    groups = await provider.done("GET", f"/vehicles/model-groups?make_id={golf.group.make.id}")
    assert golf.group.id in [one["id"] for one in groups["result"]]
    assert groups["query"]["make_id"] == golf.group.make.id
    models = await provider.done("GET", f"/vehicles/models?model_group_id={golf.group.id}")
    assert golf.id in [one["id"] for one in models["result"]]
    shown = await provider.done("GET", f"/vehicles/models/{golf.id}")
    assert (shown["name"], shown["model_group_id"]) == (golf.name, golf.group.id)
    assert await provider.done("GET", f"/vehicles/model-groups/{golf.group.id}")
    assert await provider.done("GET", f"/vehicles/makes/{golf.group.make.id}")
    await provider.refused("GET", "/vehicles/makes/99999", status=404, code="make.unknown")
    await provider.refused("GET", "/vehicles/models", status=400, code="parameter.missing")
