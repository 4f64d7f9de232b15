"""What an operator does with a vehicle, through every layer, on every kind of bus."""

from __future__ import annotations

import json
from uuid import UUID

import msgspec
import pytest
import trio
from trio_websocket import WebSocketConnection

from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from tests.end_to_end.houses import LOCKS, House, Json, ask, key_for, tell
from tests.support.link_world import until

pytestmark = pytest.mark.slow

KINDS = ["can", "can-fd", "doip"]

#: What each vehicle's first control unit lets itself be coded: identifier and length.
CODING = {"can": 0x0600, "can-fd": 0xDE00, "doip": 0x1F00}

VINS = {"can": "WVWZZZAUZHP341562", "can-fd": "1C6SRFFT4MN528417", "doip": "YV1LFA2A9J1338204"}


async def hear(socket: WebSocketConnection, action: str) -> Json:
    """Return the next text message of one kind."""
    with trio.fail_after(20):
        while True:
            data = await socket.get_message()
            if isinstance(data, str) and json.loads(data)["action"] == action:
                return json.loads(data)


async def say(socket: WebSocketConnection, action: str, **members: object) -> None:
    await socket.send_message(msgspec.json.encode({"action": action, **members}).decode())


@pytest.mark.parametrize("kind", KINDS)
async def test_every_control_unit_tells_the_vin_and_its_faults(house: House, kind: str) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    ecus = await house.ecus(kind, token)
    assert len(ecus) == 3
    found = 0
    for ecu in ecus:
        answer = await tell(house, token, session, ecu, "22F190")
        assert answer == b"\x62\xf1\x90" + VINS[kind].encode()
        codes = await tell(house, token, session, ecu, "1902FF")
        assert codes[:2] == b"\x59\x02"
        assert len(codes[3:]) % 4 == 0
        found += len(codes[3:]) // 4
    assert found >= 3


@pytest.mark.parametrize("kind", KINDS)
async def test_coding_behind_security_access(house: House, kind: str) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    ecu = (await house.ecus(kind, token))[0]
    level, identifier = LOCKS[kind][0], f"{CODING[kind]:04X}"
    coding = (await tell(house, token, session, ecu, f"22{identifier}"))[3:]
    changed = coding[:-1] + bytes((coding[-1] ^ 0x01,))

    refused = await ask(house, token, session, ecu, f"2E{identifier}{changed.hex()}")
    assert refused[0]["negative"] is not None
    assert (await tell(house, token, session, ecu, "1003"))[:2] == b"\x50\x03"
    locked = await ask(house, token, session, ecu, f"2E{identifier}{changed.hex()}")
    assert locked[0]["negative"] == {"code": 0x33, "name": "securityAccessDenied"}
    seed = (await tell(house, token, session, ecu, f"27{level:02X}"))[2:]
    key = key_for(kind, seed).hex()
    unlocked = await tell(house, token, session, ecu, f"27{level + 1:02X}{key}")
    assert unlocked == bytes((0x67, level + 1))
    written = await tell(house, token, session, ecu, f"2E{identifier}{changed.hex()}")
    assert written == bytes.fromhex(f"6E{identifier}")
    assert (await tell(house, token, session, ecu, f"22{identifier}"))[3:] == changed

    # The session's end brings the control unit back: what was open is locked again.
    await house.done("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
    again = await house.session(kind, token)
    assert again["lease"] == "writer"
    closed = await ask(house, token, again, ecu, f"2E{identifier}{coding.hex()}")
    assert closed[0]["negative"] is not None
    assert (await tell(house, token, again, ecu, f"22{identifier}"))[3:] == changed


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_key_opens_nothing(house: House, kind: str) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    ecu = (await house.ecus(kind, token))[0]
    level = LOCKS[kind][0]
    await tell(house, token, session, ecu, "1003")
    seed = (await tell(house, token, session, ecu, f"27{level:02X}"))[2:]
    wrong = bytes(byte ^ 0xFF for byte in key_for(kind, seed))
    refused = await ask(house, token, session, ecu, f"27{level + 1:02X}{wrong.hex()}")
    assert refused[0]["negative"] == {"code": 0x35, "name": "invalidKey"}


@pytest.mark.parametrize("kind", KINDS)
async def test_everybody_at_once(house: House, kind: str) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    answers = await ask(house, token, session, {"functional": True}, "3E00")
    assert len({answer["ecu"] for answer in answers}) == 3
    assert {answer["data"] for answer in answers} == {"7E00"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_suppressed_positive_response_is_silence_and_success(
    house: House, kind: str
) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    for ecu in (*await house.ecus(kind, token), {"functional": True}):
        assert await ask(house, token, session, ecu, "3E80") == []


async def test_a_slow_service_asks_for_more_time_and_gets_it(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    ecu = (await house.ecus("can", token))[0]
    (cleared,) = await ask(house, token, session, ecu, "14FFFFFF")
    assert (cleared["data"], cleared["pending"] >= 1) == ("54", True)


async def test_a_control_unit_that_is_not_there_is_a_timeout_of_the_vehicle(
    house: House,
) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    response = await house.call(
        "POST",
        f"/operator/v1/sessions/{session['id']}/exchanges",
        {"ecu": {"request_id": 0x7E5, "response_id": 0x7ED}, "request": "3E00"},
        token=token,
    )
    assert response.status_code == 504
    assert response.json()["code"] == "vehicle.no_response"


async def test_frames_both_ways_on_the_websocket(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    prefix = bytes.fromhex(session["id"])
    async with house.socket(token) as socket:
        filters = [{"id": 0x7E0}, {"id": 0x7E8}]
        await say(
            socket,
            "subscribe",
            session=session["id"],
            stream="frames",
            bus="can0",
            filters=filters,
        )
        await hear(socket, "subscribed")
        # Tester present to the engine, as a single frame of the operator's own.
        request = CanFrame(0x7E0, bytes.fromhex("023E00CCCCCCCCCC"))
        await socket.send_message(prefix + encode_batch(0, [request]))
        seen: list[CanFrame] = []
        with trio.fail_after(20):
            while not any(frame.id == 0x7E8 for frame in seen):
                data = await socket.get_message()
                assert isinstance(data, bytes)
                assert data[:16] == prefix
                seen += decode_batch(data[16:]).frames
        ours, answer = (next(f for f in seen if f.id == wanted) for wanted in (0x7E0, 0x7E8))
        assert ours.data == request.data
        assert answer.data[:3] == bytes.fromhex("027E00")
        assert answer.timestamp_us >= ours.timestamp_us > 0
        assert {frame.id for frame in seen} == {0x7E0, 0x7E8}


async def test_frames_no_bus_can_take_do_not_cost_the_link(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    prefix = bytes.fromhex(session["id"])
    flexible = CanFrame(0x123, bytes(64), fd=True)
    async with house.socket(token) as socket:
        for data in (b"", prefix + b"junk", prefix + encode_batch(7, []), b"\x00" * 40):
            await socket.send_message(data)
            assert (await hear(socket, "error"))["error"]["status"] in {400, 404}
        await socket.send_message(prefix + encode_batch(0, [flexible]))
        assert (await hear(socket, "error"))["error"]["code"] == "frames.kind"
    assert house.gateway.registry.require(UUID(house.connector("can").uuid)).connected
    ecu = (await house.ecus("can", token))[0]
    assert await tell(house, token, session, ecu, "3E00") == b"\x7e\x00"


async def test_exchanges_and_news_on_the_websocket(house: House) -> None:
    await house.plug_in("can-fd")
    token = await house.operator()
    session = await house.session("can-fd", token)
    ecu = (await house.ecus("can-fd", token))[0]
    async with house.socket(token) as socket:
        await say(socket, "subscribe", session=session["id"], stream="news")
        await hear(socket, "subscribed")
        await say(socket, "exchange", id="vin", session=session["id"], ecu=ecu, request="22F190")
        answer = await hear(socket, "exchange")
        assert answer["id"] == "vin"
        assert bytes.fromhex(answer["responses"][0]["data"])[3:].decode() == VINS["can-fd"]
        await tell(house, token, session, ecu, "3E00")
        news = await hear(socket, "news")
        while news["request"] != "3E00":
            news = await hear(socket, "news")
        assert news["responses"][0]["data"] == "7E00"
        await house.done("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
        ended = await hear(socket, "news")
        assert (ended["kind"], ended["safe"]) == ("ended", True)


async def test_one_writer_and_then_the_next(house: House) -> None:
    await house.plug_in("can")
    first_token, second_token = await house.operator(), await house.another_operator()
    first = await house.session("can", first_token)
    second = await house.session("can", second_token)
    assert (first["lease"], second["lease"]) == ("writer", "reader")
    ecu = (await house.ecus("can", first_token))[0]
    path = f"/operator/v1/sessions/{second['id']}"
    body = {"ecu": ecu, "request": "3E00"}
    refused = await house.call("POST", f"{path}/exchanges", body, token=second_token)
    assert (refused.status_code, refused.json()["code"]) == (409, "session.no_lease")
    taken = await house.call("POST", f"{path}/lease", token=second_token)
    assert taken.status_code == 409
    await tell(house, first_token, first, ecu, "1003")
    await house.done("DELETE", f"/operator/v1/sessions/{first['id']}", token=first_token)
    assert (await house.done("POST", f"{path}/lease", token=second_token))["lease"] == "writer"
    assert await tell(house, second_token, second, ecu, "3E00") == b"\x7e\x00"
    # The first one's diagnostic session has not been handed on.
    (refusal,) = await ask(house, second_token, second, ecu, f"27{LOCKS['can'][0]:02X}")
    assert refusal["negative"] is not None


async def test_a_session_ends_with_its_ticket(house: House) -> None:
    await house.plug_in("can")
    ticket = await house.order("can")
    token = await house.operator()
    opened = await house.done(
        "POST", "/operator/v1/sessions", {"ticket_id": int(ticket["id"])}, token=token
    )
    async with house.socket(token) as socket:
        await say(socket, "subscribe", session=opened["id"], stream="news")
        await hear(socket, "subscribed")
        body = {"note": "done", "odometer_reading": 84_213}
        path = f"/operator/v1/tickets/{ticket['id']}/close"
        assert (await house.done("POST", path, body, token=token))["state"] == "closed"
        ended = await hear(socket, "news")
        assert (ended["kind"], ended["reason"], ended["safe"]) == ("ended", "ticket", True)
    gone = await house.call("GET", f"/operator/v1/sessions/{opened['id']}", token=token)
    assert gone.status_code == 404


async def test_a_disabled_operators_sessions_end(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    async with house.socket(token) as socket:
        await say(socket, "subscribe", session=session["id"], stream="news")
        await hear(socket, "subscribed")
        client_id = house.people.operator.client_id
        await house.gateway.identity.operators.disable(client_id, actor="test")
        assert (await hear(socket, "news"))["kind"] == "ended"
    refused = await house.call("GET", "/operator/v1/sessions", token=token)
    assert refused.status_code == 401


async def test_a_disabled_connectors_link_ends_and_no_other(house: House) -> None:
    await house.plug_in("can", "can-fd")
    disabled, other = (UUID(house.connector(kind).uuid) for kind in ("can", "can-fd"))
    await house.gateway.identity.connectors.disable(disabled, actor="test")
    await until(lambda: house.sent_away == ["can"])
    assert not house.gateway.registry.status(disabled).online
    assert house.gateway.registry.require(other).connected
