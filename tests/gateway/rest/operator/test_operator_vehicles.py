from __future__ import annotations

import pytest

from gateway.storage.database import Connection
from gateway.storage.queries import connectors
from protocols.link.buses import BusState
from protocols.link.messages import StatusReport
from tests.gateway.operators import Floor
from tests.gateway.workshops import DISABLED, FOREIGN, GOLF, MINE, SECOND, uuid_of
from tests.support.link_world import until

pytestmark = pytest.mark.slow


async def test_a_connector_tells_how_it_and_its_vehicle_are(floor: Floor) -> None:
    device = await floor.plug_in()
    face = await floor.done("GET", f"/connectors/{uuid_of(MINE)}")
    assert (face["id"], face["uuid"]) == (MINE, str(uuid_of(MINE)))
    assert (face["online"], face["vin"], face["voltage"]) == (True, GOLF, 12.4)
    assert face["ignition"] is True
    assert face["since"] == floor.links.clock.now.isoformat()
    unknown = {"up": None, "fault": "", "listen_only": False, "filters": 0}
    assert face["buses"] == [
        {"name": "can0", "kind": "can", "bitrate": 500_000, "data_bitrate": 0, **unknown},
        {
            "name": "fd0",
            "kind": "can-fd",
            "bitrate": 500_000,
            "data_bitrate": 2_000_000,
            **unknown,
        },
        {"name": "doip0", "kind": "doip", "bitrate": 0, "data_bitrate": 0, **unknown},
    ]
    assert face["ecus"][0] == {
        "name": "engine",
        "bus": "can0",
        "request_id": 0x7E0,
        "response_id": 0x7E8,
        "logical_address": None,
        "extended": False,
        "mode": "normal",
        "target_address": None,
        "source_address": None,
        "address_extension": None,
        "isotp": None,
    }
    device.send(StatusReport(vin=GOLF, voltage_mv=11_900, ignition=False))
    await until(lambda: floor.links.registry.status(uuid_of(MINE)).voltage == 11.9)
    assert (await floor.done("GET", f"/connectors/{uuid_of(MINE)}"))["ignition"] is False


async def test_a_bus_that_is_down_is_said(floor: Floor) -> None:
    device = await floor.plug_in()
    down = BusState("can0", False, "adapter pulled", 500_000)
    device.send(StatusReport(vin=GOLF, voltage_mv=12_400, ignition=True, buses=(down,)))
    await until(lambda: bool(floor.links.registry.status(uuid_of(MINE)).buses))
    face = await floor.done("GET", f"/connectors/{uuid_of(MINE)}")
    assert (face["buses"][0]["up"], face["buses"][0]["fault"]) == (False, "adapter pulled")
    assert face["buses"][1]["up"] is None


async def test_an_offline_connector_has_what_is_on_record(floor: Floor) -> None:
    def remember(connection: Connection) -> None:
        status = floor.links.registry.status(uuid_of(MINE))
        connectors.keep_statuses(connection, {uuid_of(MINE): status}, floor.clock())

    await floor.plug_in()
    await floor.workshop.database.write(remember)
    floor.links.registry.disconnect(uuid_of(MINE), 0, "unplugged")  # type: ignore[arg-type]
    face = await floor.done("GET", f"/connectors/{uuid_of(MINE)}")
    assert (face["online"], face["vin"], face["voltage"]) == (False, GOLF, None)
    assert (face["buses"], face["ecus"]) == ([], [])


async def test_the_list_has_every_garage_of_the_provider(floor: Floor) -> None:
    await floor.plug_in()
    found = await floor.done("GET", "/connectors")
    listed = {face["id"]: face["online"] for face in found["result"]}
    assert {number: listed[number] for number in (MINE, SECOND, FOREIGN)} == {
        MINE: True,
        SECOND: False,
        FOREIGN: False,
    }
    assert found["total"] == len(listed)
    page = await floor.done("GET", "/connectors?limit=1&offset=1")
    assert (page["total"], len(page["result"]), page["offset"]) == (found["total"], 1, 1)
    assert (await floor.done("GET", "/connectors", token="far"))["result"] == []


async def test_what_the_list_shows_can_be_asked_for(floor: Floor) -> None:
    for face in (await floor.done("GET", "/connectors"))["result"]:
        assert await floor.done("GET", f"/connectors/{face['uuid']}") == face


@pytest.mark.parametrize("name", [str(uuid_of(DISABLED)), str(uuid_of(1)), "golf", "1" * 40])
async def test_what_cannot_be_used_is_unknown(floor: Floor, name: str) -> None:
    await floor.refused("GET", f"/connectors/{name}", status=404, code="connector.unknown")


async def test_another_provider_sees_nothing(floor: Floor) -> None:
    await floor.plug_in()
    path = f"/connectors/{uuid_of(MINE)}"
    await floor.refused("GET", path, status=404, code="connector.unknown", token="far")


async def test_nobody_gets_in_without_a_token(floor: Floor) -> None:
    for path in ("/connectors", f"/connectors/{uuid_of(MINE)}"):
        await floor.refused("GET", path, status=401, code="token.missing", token=None)


@pytest.mark.parametrize("query", ["limit=1001", "offset=x"])
async def test_bad_pages_are_refused(floor: Floor, query: str) -> None:
    await floor.refused("GET", f"/connectors?{query}", status=400, code="parameter.invalid")
