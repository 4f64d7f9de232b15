from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import trio

from gateway.rest.operator import buses
from gateway.sessions.buses import MAX_FILTERS
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.vehicle import FrameFilter
from tests.gateway.operators import Floor
from tests.support.link_world import DialledConnector

pytestmark = pytest.mark.slow


def orders(device: DialledConnector) -> list[BusConfigure]:
    return [message for message in device.got if isinstance(message, BusConfigure)]


async def answer_with(device: DialledConnector, *outcomes: BusConfigured) -> None:
    """Answer one order after the other; the number is the order's."""
    for count, outcome in enumerate(outcomes, 1):
        while len(orders(device)) < count:  # noqa: ASYNC110 - a connector tells nobody
            await trio.sleep(0.001)
        device.send(msgspec.structs.replace(outcome, id=orders(device)[-1].id))


async def test_a_bus_is_run_as_the_session_wants(floor: Floor, nursery: trio.Nursery) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    state = BusState("can0", True, "", 250_000, 0, True, 1)
    nursery.start_soon(answer_with, device, BusConfigured(0, state))
    path = f"/sessions/{session['id']}/buses"
    body = {"bitrate": 250_000, "listen_only": True, "filters": [{"id": 0x7E8}]}
    assert await floor.done("PUT", f"{path}/can0", body) == {
        "name": "can0",
        "kind": "can",
        "up": True,
        "fault": "",
        "bitrate": 250_000,
        "data_bitrate": 0,
        "listen_only": True,
        "filters": 1,
    }
    (order,) = orders(device)
    assert (order.session, order.bus) == (session["id"], "can0")
    assert (order.bitrate, order.data_bitrate, order.listen_only) == (250_000, None, True)
    assert order.filters == (FrameFilter(0x7E8, 0x7FF),)
    assert [bus["name"] for bus in (await floor.done("GET", path))["result"]] == [
        "can0",
        "fd0",
        "doip0",
    ]


async def test_what_the_connector_refuses_is_said(floor: Floor, nursery: trio.Nursery) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    no = BusConfigured(0, None, "refused", "Operation not permitted")
    nursery.start_soon(answer_with, device, no)
    problem = await floor.refused(
        "PUT",
        f"/sessions/{session['id']}/buses/can0",
        {"bitrate": 250_000},
        status=409,
        code="bus.refused",
    )
    assert "Operation not permitted" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"bitrate": 1}, "bitrate"),
        ({"bitrate": 2_000_000}, "bitrate"),
        ({"data_bitrate": 9_000_000}, "data_bitrate"),
        ({"speed": 1}, "speed"),
        ({"filters": [{"id": -1}]}, "filters[0].id"),
        ({"filters": [{"id": 1}] * (MAX_FILTERS + 1)}, "filters"),
    ],
)
async def test_what_no_bus_can_do_is_refused_here(
    floor: Floor, body: dict[str, object], field: str
) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    answer = await floor.call("PUT", f"/sessions/{session['id']}/buses/can0", body)
    problem = await answer.get_json()
    assert answer.status_code in {400, 422}
    assert field in str(problem)


async def test_only_the_writer_and_only_buses_that_are_there(floor: Floor) -> None:
    await floor.plug_in()
    first = await floor.open_session()
    second = await floor.open_session(token="mate")
    await floor.refused(
        "PUT",
        f"/sessions/{second['id']}/buses/can0",
        {},
        status=409,
        code="session.no_lease",
        token="mate",
    )
    for name in ("can9", "doip0"):
        await floor.refused(
            "PUT",
            f"/sessions/{first['id']}/buses/{name}",
            {},
            status=404,
            code="connector.unknown_bus",
        )
    assert buses.blueprint(replace(floor.door)).name == "operator_buses"
