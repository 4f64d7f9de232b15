from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from gateway.config import DoorSettings
from gateway.doors.service import DoorService
from gateway.rest.operator import doors
from gateway.rest.operator.doors import ToolDoors
from gateway.runtime.metrics import Metrics
from tests.gateway.operators import Floor

pytestmark = pytest.mark.slow

Json = Any  # what a test reads out of an answer is its own business


@dataclass(frozen=True, slots=True)
class Porch:
    """Operators, and the doors of one session."""

    floor: Floor
    path: str

    async def open(self, kind: str, **more: object) -> Json:
        return await self.floor.done("POST", self.path, {"kind": kind, **more}, status=201)


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
async def porch(floor: Floor, request: pytest.FixtureRequest) -> Porch:
    service = DoorService(
        floor.sessions,
        DoorSettings(host=request.param),
        floor.clock,
        structlog.get_logger(),
        Metrics(),
    )
    await floor.links.nursery.start(service.serve)
    floor.app.register_blueprint(doors.blueprint(ToolDoors(floor.tokens, floor.sessions, service)))
    await floor.plug_in()
    session = await floor.open_session()
    return Porch(floor, f"/sessions/{session['id']}/doors")


async def test_a_doip_door(porch: Porch) -> None:
    door = await porch.open("doip")
    assert 0 < door.pop("key") < 1 << 32
    assert door.pop("port") > 0
    assert door.pop("host") in {"127.0.0.1", "localhost"}
    assert door.pop("statistics")["accepted"] == 0
    ecus = {ecu["name"]: ecu for ecu in door.pop("ecus")}
    assert door == {"kind": "doip", "tls": False, "trusted": []}
    assert ecus["engine"] == {
        "name": "engine",
        "logical_address": 0x17E0,
        "bus": "can0",
        "request_id": 0x7E0,
        "response_id": 0x7E8,
    }
    assert ecus["dash"] == {
        "name": "dash",
        "logical_address": 16,
        "bus": None,
        "request_id": None,
        "response_id": None,
    }


async def test_a_socketcand_door(porch: Porch) -> None:
    door = await porch.open("socketcand")
    assert [bus["name"] for bus in door["buses"]] == ["can0", "fd0"]
    assert door["buses"][0]["key"] == door["key"]
    assert [ecu["name"] for ecu in door["ecus"]] == ["engine"]


async def test_doors_are_listed_and_closed(porch: Porch) -> None:
    floor = porch.floor
    opened = await porch.open("doip", trusted=["192.0.2.7", "2001:DB8::1"])
    listed = await floor.done("GET", porch.path)
    assert listed["total"] == 1
    (door,) = listed["result"]
    assert door["port"] == opened["port"]
    assert door["trusted"] == ["192.0.2.7", "2001:db8::1"]
    assert "key" not in door
    assert await floor.done("GET", f"{porch.path}/doip") == door
    await floor.refused("POST", porch.path, {"kind": "doip"}, status=409, code="door.open")
    await floor.done("DELETE", f"{porch.path}/doip", status=204)
    assert (await floor.done("GET", porch.path))["result"] == []
    await floor.refused("DELETE", f"{porch.path}/doip", status=404, code="door.unknown")
    await floor.refused("GET", f"{porch.path}/window", status=404, code="door.unknown")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "window"}, "body.field"),
        ({}, "body.field"),
        ({"kind": "doip", "trusted": ["everybody"]}, "door.trusted"),
        ({"kind": "doip", "trusted": ["192.0.2.1"] * 17}, "body.field"),
        ({"kind": "doip", "tls": True}, "door.no_certificate"),
        ({"kind": "socketcand", "tls": True}, "door.tls"),
    ],
)
async def test_what_cannot_be_is_refused(porch: Porch, body: Json, code: str) -> None:
    await porch.floor.refused("POST", porch.path, body, status=400, code=code)


async def test_doors_are_their_operators_own(porch: Porch) -> None:
    await porch.open("doip")
    for token in ("mate", "far"):
        for method, path in (("GET", ""), ("GET", "/doip"), ("DELETE", "/doip")):
            await porch.floor.refused(
                method, porch.path + path, status=404, code="session.unknown", token=token
            )
    await porch.floor.refused(
        "POST", porch.path, {"kind": "socketcand"}, status=404, code="session.unknown", token="far"
    )
