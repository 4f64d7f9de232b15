"""What people do at one node with a connector that is at another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio_websocket import WebSocketConnection

from protocols.can.batch import decode_batch
from tests.end_to_end.clusters import SOON, Cluster, open_cluster
from tests.end_to_end.houses import Json, ask
from tests.end_to_end.test_transfer_jobs import IMAGE, crc_is_right, engine_bench, procedure
from tests.support.link_world import until
from tests.support.valkey import ValkeyServer, private_server

pytestmark = pytest.mark.slow

VIN = b"\x62\xf1\x90WVWZZZAUZHP341562"


@pytest.fixture
async def cluster(
    folder: Path, log: FilteringBoundLogger, valkey_url: str
) -> AsyncIterator[Cluster]:
    async with open_cluster(folder, log, valkey_url) as opened:
        yield opened


async def hear(socket: WebSocketConnection, action: str) -> Json:
    """Return the next text message of one kind."""
    with trio.fail_after(20):
        while True:
            data = await socket.get_message()
            if isinstance(data, str) and json.loads(data)["action"] == action:
                return json.loads(data)


async def say(socket: WebSocketConnection, action: str, **members: object) -> None:
    await socket.send_message(msgspec.json.encode({"action": action, **members}).decode())


async def test_exchanges_by_rest_across_nodes(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token = await a.operator()
    ecus = await a.ecus("can", token)
    assert ecus == await b.ecus("can", token)
    session = await a.session("can", token)
    (answer,) = await ask(a, token, session, ecus[0], "22F190")
    assert bytes.fromhex(answer["data"]) == VIN
    # The session is one, wherever somebody asks for it.
    for node in (a, b):
        listed = await node.done("GET", "/operator/v1/sessions", token=token)
        assert [one["id"] for one in listed["result"]] == [session["id"]]
        assert listed["total"] == 1
        shown = await node.done("GET", f"/operator/v1/sessions/{session['id']}", token=token)
        assert (shown["lease"], shown["exchanges"]) == ("writer", 1)
    # Nobody else sees it, from nowhere.
    other = await a.another_operator()
    path = f"/operator/v1/sessions/{session['id']}"
    for node in (a, b):
        assert (await node.call("GET", path, token=other)).status_code == 404
        assert (await node.call("GET", path, token="x.y.z")).status_code == 401
    assert (await a.call("DELETE", path, token=token)).status_code == 204
    assert (await b.call("GET", path, token=token)).status_code == 404


async def test_one_writer_for_a_vehicle_whichever_node_is_asked(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token, other = await a.operator(), await a.another_operator()
    first = await a.session("can", token)
    second = await b.session("can", other)
    third = await a.session("can", other)
    assert [one["lease"] for one in (first, second, third)] == ["writer", "reader", "reader"]
    ecu = (await a.ecus("can", token))[0]
    path = f"/operator/v1/sessions/{third['id']}/exchanges"
    refused = await a.call("POST", path, {"ecu": ecu, "request": "22F190"}, token=other)
    assert refused.status_code == 409
    await a.call("DELETE", f"/operator/v1/sessions/{first['id']}", token=token)
    taken = await a.call("POST", f"/operator/v1/sessions/{third['id']}/lease", token=other)
    assert taken.status_code == 200


async def test_one_websocket_for_sessions_on_both_nodes(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await a.plug_in("doip")
    await b.plug_in("can")
    await cluster.seen("can")
    await cluster.seen("doip")
    token = await a.operator()
    far, near = await a.session("can", token), await a.session("doip", token)
    ecu = {"can": (await a.ecus("can", token))[0], "doip": (await a.ecus("doip", token))[0]}
    async with a.socket(token) as socket:
        for session, kind in ((far, "can"), (near, "doip")):
            await say(
                socket, "exchange", id=kind, session=session["id"], ecu=ecu[kind], request="22F190"
            )
            answer = await hear(socket, "exchange")
            assert answer["id"] == kind
            assert answer["responses"][0]["data"].startswith("62F190")
        both = [
            {"action": "exchange", "id": number, "session": one["id"], "ecu": ecu[kind]}
            | {"request": "22F190"}
            for number, (one, kind) in enumerate([(far, "can"), (near, "doip")] * 3)
        ]
        await socket.send_message(msgspec.json.encode(both).decode())
        answered = {(await hear(socket, "exchange"))["id"] for _ in both}
        assert answered == set(range(6))
        # Frames of the far vehicle: whatever is said on its bus.
        await say(socket, "subscribe", id=9, session=far["id"], stream="frames", bus="can0")
        assert (await hear(socket, "subscribed"))["id"] == 9
        with trio.fail_after(20):
            while not isinstance(data := await socket.get_message(), bytes):
                pass
        assert data[:16].hex() == far["id"]
        assert list(decode_batch(data[16:]).frames)


async def test_a_connector_that_moves_ends_the_session_with_a_reason(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token = await a.operator()
    session = await a.session("can", token)
    async with a.socket(token) as socket:
        await say(socket, "subscribe", id=1, session=session["id"], stream="news")
        await hear(socket, "subscribed")
        a.start("can")  # the same connector dials in at the other node
        await cluster.gone(b, "can")
        while (news := await hear(socket, "news"))["kind"] != "ended":
            pass
        assert news["reason"] == "connector"
    # There it is worked on at once.
    moved = await b.session("can", token)
    ecu = (await b.ecus("can", token))[0]
    (answer,) = await ask(b, token, moved, ecu, "22F190")
    assert bytes.fromhex(answer["data"]) == VIN


async def test_customers_see_their_connector_from_either_node(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token = await a.customer()
    path = f"/v2/connectors/{a.connector('can').uuid}"
    shown = [await node.done("GET", path, token=token) for node in (a, b)]
    assert shown[0] == shown[1]
    assert "online" in json.dumps(shown[0])


async def test_a_customer_hears_at_one_node_what_is_done_at_the_other(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    ticket = await a.order("can")
    token, operator = await a.customer(), await b.operator()
    async with a.socket(token, "/ws/customer") as socket:
        wanted = {"action": "subscribeToTicket", "ticket_id": int(ticket["id"])}
        await socket.send_message(msgspec.json.encode(wanted).decode())
        with trio.fail_after(SOON):
            await _hears_state(socket, 1)
            body = {"ticket_id": int(ticket["id"])}
            await b.done("POST", "/operator/v1/sessions", body, token=operator)
            await _hears_state(socket, 2)
            path = f"/operator/v1/tickets/{ticket['id']}/close"
            await b.done("POST", path, {"note": "done"}, token=operator)
            await _hears_state(socket, 7)
    # The session has ended with its ticket, on the node where it was.
    uuid = UUID(b.connector("can").uuid)
    await until(lambda: not b.gateway.registry.require(uuid).is_working, within=SOON)


async def _hears_state(socket: WebSocketConnection, state: int) -> None:
    while json.loads(await socket.get_message())["message"]["state"] != state:
        pass


async def test_a_control_unit_is_flashed_from_another_node(cluster: Cluster) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token = await a.operator()
    bench = engine_bench(a, token, await a.session("can", token))
    image = IMAGE[: 4 * 4093]
    await bench.start(await bench.upload(image), procedure(image))
    await bench.until("done")
    assert await crc_is_right(bench, image)


async def test_with_the_server_between_nodes_gone_work_goes_on(
    folder: Path, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(private_server(tmp_path))
        except RuntimeError as problem:
            pytest.skip(f"Valkey: {problem}")
        async with open_cluster(folder, log, server.url) as cluster:
            await _work_without(cluster, server)


async def _work_without(cluster: Cluster, server: ValkeyServer) -> None:
    a, b = cluster.a, cluster.b
    await b.plug_in("can")
    await cluster.seen("can")
    token = await a.operator()
    ecu = (await a.ecus("can", token))[0]
    server.stop()
    # What is known holds: nodes reach each other without it.
    session = await a.session("can", token)
    (answer,) = await ask(a, token, session, ecu, "22F190")
    assert bytes.fromhex(answer["data"]) == VIN
    # A connector that dials in now serves its own node; the other knows nothing of it, says so,
    # and learns of it as soon as the server is back.
    a.start("doip")
    await a.wait_online("doip")
    own = await a.session("doip", token)
    assert own["lease"] == "writer"
    body = {"connector_uuid": a.connector("doip").uuid}
    refused = await b.call("POST", "/operator/v1/sessions", body, token=token)
    assert refused.status_code == 503
    await trio.to_thread.run_sync(server.start)
    await cluster.seen("doip")
    second = await b.session("doip", token)
    assert second["lease"] == "reader"
