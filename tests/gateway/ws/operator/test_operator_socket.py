from __future__ import annotations

from typing import Any

import pytest
import trio
from quart import websocket
from quart.testing.connections import WebsocketDisconnectError

from gateway.domain.clock import utc_now
from gateway.domain.errors import Unauthorized
from gateway.ws import sign_in
from gateway.ws.operator import exchanges, socket
from gateway.ws.operator.exchanges import MAX_EXCHANGES
from gateway.ws.operator.socket import MAX_STREAMS
from gateway.ws.sign_in import CLOSE_UNAUTHORIZED
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.bundle import split_bundle
from protocols.can.frame import CanFrame
from protocols.link.events import FramesReceived
from protocols.link.messages import ExchangeResult, MonitorStart, MonitorStop
from tests.gateway.operators import ENGINE, Floor, SocketClient, uuid_of
from tests.gateway.workshops import MINE, SECOND
from tests.support.link_world import settle, until

pytestmark = pytest.mark.slow

FRAME = CanFrame(0x7E8, b"\x01\x02\x03", timestamp_us=1_000)


async def closed_with(client: SocketClient) -> int:
    with trio.fail_after(20), pytest.raises(WebsocketDisconnectError) as caught:
        await client.connection.receive()
    return int(caught.value.args[0])


# --- signing in ------------------------------------------------------------------------------


async def test_a_token_comes_in_header_query_or_first_message(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    for token, query in (("op", ""), (None, "?access_token=op"), (None, "")):
        async with floor.socket(token, query) as client:
            if token is None and not query:
                await client.say("authenticate", access_token="op")
            await client.say("subscribe", session=session["id"], stream="news", id="x")
            answer = await client.hear()
            assert answer == {"action": "subscribed", "id": "x", "session": session["id"]}


@pytest.mark.parametrize(
    ("token", "query", "first"),
    [
        ("guessed", "", None),
        (None, "?access_token=guessed", None),
        (None, "", '{"action":"authenticate","access_token":"guessed"}'),
        (None, "", '{"action":"subscribe","session":"x","stream":"news"}'),
        (None, "", "hello"),
        (None, "", b"\xff"),
    ],
)
async def test_strangers_hear_why_and_are_sent_away(
    floor: Floor, token: str | None, query: str, first: str | bytes | None
) -> None:
    async with floor.socket(token, query) as client:
        if first is not None:
            await client.raw(first)
        answer = await client.hear()
        assert answer["action"] == "authenticate"
        assert answer["error"]["status"] in {400, 401}
        assert answer["error"]["detail"]
        assert await closed_with(client) == CLOSE_UNAUTHORIZED


async def test_who_says_nothing_is_sent_away(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "SIGN_IN_LIMIT", 0.05)
    async with floor.socket(None) as client:
        assert (await client.hear())["error"]["code"] == "token.missing"
        assert await closed_with(client) == CLOSE_UNAUTHORIZED


async def test_signing_in_twice_is_refused_and_harmless(floor: Floor) -> None:
    async with floor.socket() as client:
        await client.say("authenticate", access_token="op")
        assert (await client.hear())["error"]["code"] == "socket.signed_in"
        await client.say("authenticate", access_token="op")
        assert (await client.hear())["error"]["code"] == "socket.signed_in"


# --- exchanges -------------------------------------------------------------------------------


async def ask(client: SocketClient, session: Any, request: str, **more: object) -> None:
    await client.say("exchange", session=session["id"], ecu=ENGINE, request=request, **more)


async def test_exchanges_go_both_ways_with_their_reference(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        await ask(client, session, "22F190", id=1)
        answer = await client.hear()
        assert (answer["action"], answer["id"]) == ("exchange", 1)
        assert answer["responses"][0]["data"] == "62F190"
        for number in range(2, 40):
            await ask(client, session, f"22F1{number:02X}", id=number)
        answers = [await client.hear() for _ in range(2, 40)]
        assert {answer["id"]: answer["responses"][0]["data"] for answer in answers} == {
            number: f"62F1{number:02X}" for number in range(2, 40)
        }
        asked = [request.request.hex() for request in device.asked()]
        assert asked[1:] == sorted(asked[1:]), (
            "requests reach the vehicle in the order they were made"
        )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"request": "22F19"}, "exchange.hex"),
        ({"request": "00" * 5_000}, "exchange.too_large"),
        ({"ecu": {}}, "exchange.ecu"),
        ({"session": "0" * 32}, "session.unknown"),
        ({"session": ""}, "session.unknown"),
    ],
)
async def test_a_bad_exchange_is_answered_under_its_reference(
    floor: Floor, change: dict[str, object], code: str
) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        message = {"session": session["id"], "ecu": ENGINE, "request": "3E00", "id": "r"}
        await client.say("exchange", **(message | change))
        answer = await client.hear()
        assert (answer["action"], answer["id"]) == ("exchange", "r")
        assert answer["error"]["code"] == code
        await ask(client, session, "3E00", id="next")
        assert "responses" in await client.hear()
    assert len(device.asked()) == 1


@pytest.mark.parametrize(
    "data", ["{", "7", "[7]", '{"action":"fly"}', '{"action":"exchange"}', "\x00"]
)
async def test_a_bad_message_gets_an_answer_and_no_end(floor: Floor, data: str) -> None:
    async with floor.socket() as client:
        await client.raw(data)
        answer = await client.hear()
        assert (answer["action"], answer["id"]) == ("error", None)
        assert answer["error"]["status"] == 400
        await client.raw(data)
        assert (await client.hear())["action"] == "error"


async def test_foreign_sessions_look_like_none(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    for token in ("mate", "far"):
        async with floor.socket(token) as client:
            await ask(client, session, "3E00", id=1)
            assert (await client.hear())["error"]["code"] == "session.unknown"
            await client.say("subscribe", session=session["id"], stream="news", id=2)
            answer = await client.hear()
            assert (answer["id"], answer["error"]["code"]) == (2, "session.unknown")
            await client.raw(bytes.fromhex(session["id"]) + encode_batch(0, [FRAME]))
            assert (await client.hear())["error"]["code"] == "session.unknown"


async def test_exchanges_in_flight_are_bounded(floor: Floor) -> None:
    sessions = []
    for number in (MINE, SECOND):
        device = await floor.plug_in(number)
        device.answer = lambda _request: None  # whatever is asked is never answered
        sessions.append(await floor.open_session(number))
    async with floor.socket() as client:
        for number in range(MAX_EXCHANGES):
            await ask(client, sessions[number % 2], "3E00", id=number)
        await ask(client, sessions[0], "3E00", id="one more")
        answer = await client.hear()
        assert (answer["action"], answer["id"]) == ("error", "one more")
        assert answer["error"]["code"] == "socket.too_many_exchanges"


async def test_answers_that_find_no_room_count_as_in_flight(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever asks and does not read would fill the memory with answers."""
    monkeypatch.setattr(socket, "QUEUE", 2)
    monkeypatch.setattr(exchanges, "MAX_EXCHANGES", 4)
    device = await floor.plug_in()
    session = await floor.open_session()
    held = trio.Event()

    async def hold(self: socket.OperatorSocket) -> None:
        await held.wait()
        async for message in self._out:
            await websocket.send(message)

    monkeypatch.setattr(socket.OperatorSocket, "write", hold)
    async with floor.socket() as client:
        for number in range(20):
            await ask(client, session, "3E00", id=number)
            await settle()
        assert len(device.asked()) == 2 + 4, "as many as the queue holds, and as may be in flight"
        held.set()
        answers = [await client.hear() for _ in range(20)]
    assert {answer["id"] for answer in answers} == set(range(20))
    assert next(answer["id"] for answer in answers if "error" in answer) == 6


async def test_a_client_that_leaves_takes_its_waits_along(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    device.answer = lambda _request: None
    async with floor.socket() as client:
        await ask(client, session, "3E00")
        await until(lambda: len(device.asked()) == 1)
    device.answer = lambda request: ExchangeResult(request.id)
    assert (await floor.done("GET", f"/sessions/{session['id']}"))["state"] == "active"


# --- news ------------------------------------------------------------------------------------


async def test_news_tell_of_exchanges_lease_and_end(floor: Floor) -> None:
    await floor.plug_in()
    first = await floor.open_session()
    second = await floor.open_session(token="mate")
    async with floor.socket("mate") as client:
        await client.say("subscribe", session=second["id"], stream="news")
        assert (await client.hear())["action"] == "subscribed"
        await floor.call("DELETE", f"/sessions/{first['id']}")
        await floor.done("POST", f"/sessions/{second['id']}/lease", token="mate")
        lease = await client.hear()
        assert (lease["kind"], lease["lease"]) == ("lease", "writer")
        body = {"ecu": ENGINE, "request": "3E00"}
        await floor.done("POST", f"/sessions/{second['id']}/exchanges", body, token="mate")
        exchange = await client.hear()
        assert (exchange["kind"], exchange["request"]) == ("exchange", "3E00")
        assert exchange["responses"][0]["data"] == "7E00"
        await floor.call("DELETE", f"/sessions/{second['id']}", token="mate")
        ended = await client.hear()
        assert (ended["kind"], ended["reason"], ended["safe"]) == ("ended", "operator", True)
        gone = await client.hear()
        assert gone == {
            "action": "unsubscribed",
            "id": None,
            "session": second["id"],
            "stream": "news",
            "bus": "",
        }


async def test_a_stream_is_followed_once_and_left(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        stream = {"session": session["id"], "stream": "news"}
        await client.say("unsubscribe", **stream, id=1)
        assert (await client.hear())["error"]["code"] == "socket.not_subscribed"
        await client.say("subscribe", **stream)
        assert (await client.hear())["action"] == "subscribed"
        await client.say("subscribe", **stream)
        assert (await client.hear())["error"]["code"] == "socket.subscribed"
        await client.say("unsubscribe", **stream, id=2)
        left = await client.hear()
        assert (left["action"], left["id"]) == ("unsubscribed", 2)
        await client.say("subscribe", **stream, id=3)
        assert (await client.hear())["action"] == "subscribed"


async def test_streams_are_bounded(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        for number in range(MAX_STREAMS + 1):
            # News have no bus; whatever is named makes it a stream of its own all the same.
            stream = {"session": session["id"], "stream": "news", "bus": str(number)}
            await client.say("subscribe", **stream, id=number)
        heard = [await client.hear() for _ in range(MAX_STREAMS + 1)]
        assert [answer["action"] for answer in heard[:-1]] == ["subscribed"] * MAX_STREAMS
        assert heard[-1]["error"]["code"] == "socket.too_many_streams"


# --- frames ----------------------------------------------------------------------------------


async def test_frames_of_a_bus_come_as_they_are(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        filters = [{"id": 0x7E8, "mask": 0x7FF}]
        await client.say(
            "subscribe", session=session["id"], stream="frames", bus="can0", filters=filters
        )
        assert (await client.hear())["action"] == "subscribed"
        await until(lambda: len(device.of(MonitorStart)) == 1)
        (order,) = device.of(MonitorStart)
        assert isinstance(order, MonitorStart)
        assert (order.bus, order.filters[0].id) == ("can0", 0x7E8)
        batch = encode_batch(order.index, [FRAME])
        await device.send_frames(batch)
        assert await client.receive() == bytes.fromhex(session["id"]) + batch
        await client.say("unsubscribe", session=session["id"], stream="frames", bus="can0")
        assert (await client.hear())["action"] == "unsubscribed"
        await until(lambda: len(device.of(MonitorStop)) == 1)


async def test_frames_of_many_buses_come_together(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    batches = [encode_batch(bus, [FRAME] * (1 + bus)) for bus in (0, 1, 0, 1)]
    async with floor.socket(query="?batch=1") as client:
        for bus in ("can0", "fd0"):
            stream = {"session": session["id"], "stream": "frames", "bus": bus}
            await client.say("subscribe", **stream)
            assert "subscribed" in str(await client.receive())
        await until(lambda: len(device.of(MonitorStart)) == 2)
        for batch in batches:
            await device.send_frames(batch)
        got: list[tuple[bytes, bytes]] = []
        while len(got) < len(batches):
            message = await client.receive()
            assert isinstance(message, bytes)
            got += split_bundle(message)
    assert {sender for sender, _ in got} == {bytes.fromhex(session["id"])}
    assert sorted(batch for _, batch in got) == sorted(batches)


async def test_frames_may_be_had_as_json(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        await client.say(
            "subscribe", session=session["id"], stream="frames", bus="fd0", format="json"
        )
        assert (await client.hear())["action"] == "subscribed"
        await until(lambda: len(device.of(MonitorStart)) == 1)
        await device.send_frames(encode_batch(1, [FRAME]))
        message = await client.hear()
        assert (message["action"], message["bus"]) == ("frames", "fd0")
        assert message["frames"][0]["data"] == "010203"


async def test_a_bus_that_is_not_there_is_named(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        await client.say("subscribe", session=session["id"], stream="frames", bus="can9", id=4)
        answer = await client.hear()
        assert (answer["id"], answer["error"]["code"]) == (4, "connector.unknown_bus")
        assert "can0, fd0, doip0" in answer["error"]["detail"]


async def test_the_writers_frames_reach_the_connector(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    batch = encode_batch(0, [FRAME, FRAME])
    async with floor.socket() as client:
        await client.raw(bytes.fromhex(session["id"]) + batch)
        await until(lambda: any(isinstance(event, FramesReceived) for event in device.told))
    assert [e.batch for e in device.told if isinstance(e, FramesReceived)] == [batch]


async def test_frames_without_the_lease_or_for_no_bus_go_nowhere(floor: Floor) -> None:
    device = await floor.plug_in()
    writer = await floor.open_session()
    reader = await floor.open_session(token="mate")
    batch = encode_batch(0, [FRAME])
    async with floor.socket("mate") as client:
        await client.raw(bytes.fromhex(reader["id"]) + batch)
        refused = await client.hear()
        assert (refused["error"]["code"], refused["session"]) == ("session.no_lease", reader["id"])
    async with floor.socket() as client:
        for data, code in (
            (b"\x00" * 15, "session.unknown"),
            (bytes.fromhex(writer["id"]), "frames.malformed"),
            (bytes.fromhex(writer["id"]) + encode_batch(2, [FRAME]), "frames.bus"),
        ):
            await client.raw(data)
            assert (await client.hear())["error"]["code"] == code
    assert not any(isinstance(event, FramesReceived) for event in device.told)
    assert floor.links.registry.require(uuid_of(MINE)).connected


async def test_a_stream_of_frames_can_be_held(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    stream = {"session": session["id"], "bus": "can0"}
    async with floor.socket() as client:
        await client.say("pause", **stream, id=1)
        assert (await client.hear())["error"]["code"] == "socket.not_subscribed"
        await client.say("subscribe", **stream, stream="frames")
        assert (await client.hear())["action"] == "subscribed"
        await until(lambda: len(device.of(MonitorStart)) == 1)
        await client.say("pause", **stream, id=2)
        assert await client.hear() == {"action": "paused", "id": 2}
        await device.send_frames(encode_batch(0, [FRAME] * 3))
        await settle()
        await client.say("resume", **stream, id=3)
        assert await client.hear() == {"action": "resumed", "id": 3}
        await device.send_frames(encode_batch(0, [FRAME]))
        data = await client.receive()
        assert isinstance(data, bytes)
        assert data[16:] == encode_batch(0, [FRAME], dropped=3)


async def test_stamps_of_frames_can_be_put_on_the_clock(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    live = floor.links.registry.require(uuid_of(MINE))
    async with floor.socket() as client:
        await client.say("subscribe", session=session["id"], stream="frames", bus="can0")
        epoch_us = (await client.hear())["epoch_us"]
    stamp = trio.current_time() * 1e6 + live.clock_offset_us
    assert (epoch_us + stamp) / 1e6 == pytest.approx(utc_now().timestamp(), abs=1)


async def test_frames_may_be_sent_as_json(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    frames = [{"id": 0x7E0, "data": "02 3E 00"}, {"id": 0x18DA10F1, "remote": True}]
    async with floor.socket() as client:
        await client.say("send", session=session["id"], bus="can0", frames=frames, id=1)
        assert await client.hear() == {"action": "sent", "id": 1}
        await until(lambda: any(isinstance(event, FramesReceived) for event in device.told))
    (told,) = (event for event in device.told if isinstance(event, FramesReceived))
    assert decode_batch(told.batch).frames == (
        CanFrame(0x7E0, b"\x02\x3e\x00"),
        CanFrame(0x18DA10F1, extended=True, remote=True),
    )


@pytest.mark.parametrize(
    ("bus", "frame", "code"),
    [
        ("can7", {"id": 1}, "frames.bus"),
        ("doip0", {"id": 1}, "frames.bus"),
        ("can0", {"id": 1, "data": "0"}, "frames.malformed"),
        ("can0", {"id": 1, "data": "00" * 9}, "frames.malformed"),
        ("can0", {"id": 1, "fd": True}, "frames.kind"),
        ("can0", {"id": -1}, "body.field"),
    ],
)
async def test_no_frame_of_json_is_refused(
    floor: Floor, bus: str, frame: dict[str, object], code: str
) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        await client.say("send", session=session["id"], bus=bus, frames=[frame], id=1)
        assert (await client.hear())["error"]["code"] == code
    assert not any(isinstance(event, FramesReceived) for event in device.told)


async def test_who_is_no_longer_let_in_sees_nothing_more(floor: Floor) -> None:
    device = await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket() as client:
        await client.say("subscribe", session=session["id"], stream="frames", bus="can0")
        assert (await client.hear())["action"] == "subscribed"
        await until(lambda: len(device.of(MonitorStart)) == 1)
        del floor.tokens.principals["op"]
        await floor.sessions.end_operator("op-1")
        gone = await client.hear()
        assert (gone["action"], gone["stream"], gone["bus"]) == ("unsubscribed", "frames", "can0")
        await until(lambda: len(device.of(MonitorStop)) == 1)
    with pytest.raises(Unauthorized):
        await floor.tokens.operator("op")


async def test_a_refusal_names_the_message_that_could_not_be_read(floor: Floor) -> None:
    async with floor.socket() as client:
        await client.say("nap", id=7)
        refused = await client.hear()
        assert (refused["action"], refused["id"]) == ("error", 7)
