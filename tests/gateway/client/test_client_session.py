"""The SDK under Trio against a whole gateway."""

from __future__ import annotations

import pytest
import trio

from gateway.client import Client, Interrupted, NegativeAnswer, NoAnswer, Refused, can, everybody
from gateway.client.errors import Ended, Misconfigured, SignInRefused, Unreachable, Unreadable
from gateway.client.session import Session
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame
from tests.end_to_end.houses import House
from tests.support.link_world import until

pytestmark = pytest.mark.slow

Credentials = tuple[str, str, str]


async def opened(house: House, client: Client, kind: str = "can") -> Session:
    await house.plug_in(kind)
    return await client.open(connector=house.connector(kind).uuid)


# --- signing in ------------------------------------------------------------------------------


async def test_a_wrong_secret_says_so_on_entering(credentials: Credentials) -> None:
    url, client_id, _ = credentials
    with pytest.raises(SignInRefused) as refused:
        async with Client(url, client_id, "wrong"):
            pytest.fail("entered")
    assert refused.value.status == 401
    assert "wrong" not in str(refused.value)


async def test_an_address_without_a_gateway_says_so() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        async with Client("http://127.0.0.1:1", "op", "secret"):
            pytest.fail("entered")


async def test_what_a_block_raises_comes_out_as_it_is(credentials: Credentials) -> None:
    with pytest.raises(KeyError):
        async with Client(*credentials):
            raise KeyError
    client = Client(*credentials)
    with pytest.raises(Misconfigured):
        await client.connectors()


async def test_a_token_that_is_no_longer_taken_is_renewed(house: House, client: Client) -> None:
    wires = client._in_use
    wires.api._token = "not.a.token"
    assert len(await client.connectors()) == 3
    assert wires.api._token != "not.a.token"


# --- vehicles and sessions -------------------------------------------------------------------


async def test_connectors_are_listed_with_their_vehicles(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.plug_in("can")
    monkeypatch.setattr("gateway.client.client.PAGE", 2)
    found = await client.connectors()
    assert [one.online for one in found] == [
        one.uuid == house.connector("can").uuid for one in found
    ]
    (online,) = (one for one in found if one.online)
    assert (online.vin, online.buses[0].kind, online.ecus[0].address.request_id) == (
        "WVWZZZAUZHP341562",
        "can",
        0x7E0,
    )


async def test_an_unknown_connector_is_refused_with_advice(client: Client) -> None:
    with pytest.raises(Refused, match="List those you can reach") as refused:
        await client.open(connector="00000000-0000-0000-0000-000000000000")
    assert (refused.value.code, refused.value.status) == ("connector.unknown", 404)


async def test_a_session_ends_with_its_block_and_can_be_joined(
    house: House, client: Client
) -> None:
    async with await opened(house, client) as session:
        assert session.record.lease == "writer"
        joined = await client.join(session.id)
        assert (await joined.ask("engine", "22F190"))[3:] == b"WVWZZZAUZHP341562"
        assert (await session.refresh()).exchanges == 1
    with pytest.raises(Refused):
        await session.refresh()
    await session.end()  # twice is fine


async def test_a_session_opens_on_a_ticket(house: House, client: Client) -> None:
    await house.plug_in("can")
    ticket = await house.order("can")
    async with await client.open(ticket=int(ticket["id"])) as session:
        assert session.record.ticket_id == int(ticket["id"])


# --- exchanges -------------------------------------------------------------------------------


async def test_exchanges_by_name_by_ids_and_to_everybody(house: House, client: Client) -> None:
    async with await opened(house, client) as session:
        (answer,) = await session.exchange(can(0x7E0, 0x7E8), b"\x22\xf1\x90")
        assert (answer.ecu, answer.data[:3], answer.negative) == (0x7E8, b"\x62\xf1\x90", None)
        assert answer.sent_at < answer.received_at
        assert await session.ask("engine", "3E80") == b""
        assert (await session.functional("0902"))[0].data[:2] == b"\x49\x02"
        with pytest.raises(Unreadable, match="answers came"):
            await session.ask(everybody(), "3E00")
        with pytest.raises(Unreadable, match="no control unit 'gearbocks'"):
            await session.ask("gearbocks", "3E00")


async def test_refusals_and_silence_are_told_apart(house: House, client: Client) -> None:
    async with await opened(house, client) as session:
        with pytest.raises(NegativeAnswer, match="requestOutOfRange") as negative:
            await session.ask("engine", "22DEAD")
        assert (negative.value.service, negative.value.code) == (0x22, 0x31)
        with pytest.raises(NoAnswer):
            await session.ask("123:456", "3E00")
        with pytest.raises(Refused) as refused:
            await session.ask("engine", "2")
        assert (refused.value.code, refused.value.field) == ("exchange.hex", "request")


async def test_many_requests_go_side_by_side(house: House, client: Client) -> None:
    async with await opened(house, client, "doip") as session:
        name = session.connector.ecus[0].name
        requests = [(name, "22F190")] * 40 + [(name, "22DEAD"), ("nobody", "3E00")]
        *answers, negative, unknown = await session.exchange_all(requests)
    assert len({answer[0].data for answer in answers if isinstance(answer, tuple)}) == 1
    assert isinstance(negative, tuple)
    assert negative[0].negative is not None
    assert isinstance(unknown, Unreadable)


async def test_a_second_session_only_listens(house: House, client: Client) -> None:
    async with await opened(house, client) as first:
        second = await client.open(connector=house.connector("can").uuid)
        assert second.record.lease == "reader"
        with pytest.raises(Refused, match="lease"):
            await second.ask("engine", "3E00")
        await first.end()
        assert (await second.take_lease()).lease == "writer"
        await second.ask("engine", "3E00")
        await second.end()


# --- frames and news -------------------------------------------------------------------------


async def test_frames_come_and_go(house: House, client: Client) -> None:
    """The engine answers a raw single frame; both come by, on the gateway's clock."""
    async with await opened(house, client) as session:
        async with session.frames("can0", [CanFilter(0x7E8, 0x7FF)]) as stream:
            await session.send_frames([CanFrame(0x7E0, bytes.fromhex("023E005555555555"))])
            with trio.fail_after(20):
                frames = await stream.receive()
        (frame,) = frames.frames
        assert (frame.id, frame.data[:3], frames.dropped) == (0x7E8, b"\x02\x7e\x00", 0)
        (answer,) = await session.exchange("engine", "3E00")
        assert 0 <= (frames.when(frame).timestamp() - frames.seconds(frame)) < 1e-3
        assert frames.when(frame).isoformat() < answer.sent_at


async def test_a_held_stream_counts_what_passes(house: House, client: Client) -> None:
    wanted = [CanFilter(0x7E8, 0x7FF)]
    ping = CanFrame(0x7E0, bytes.fromhex("023E005555555555"))
    async with await opened(house, client) as session, session.frames("can0", wanted) as held:
        other = await client.join(session.id)
        async with Client(*_of(house)) as colleague:
            watching = await colleague.join(session.id)
            async with watching.frames("can0", wanted) as seen:
                await session.hold(held)
                await other.send_frames([ping])
                with trio.fail_after(20):
                    await seen.receive()
                    await session.hold(held, paused=False)
                    await other.send_frames([ping])
                    assert (await held.receive()).dropped == 1


def _of(house: House) -> Credentials:
    operator = house.people.operator
    return house.gateway.http_url, operator.client_id, operator.client_secret


async def test_frames_that_no_bus_takes_are_told_of(house: House, client: Client) -> None:
    async with await opened(house, client) as session:
        await session.send_frames([CanFrame(0x7E0, bytes(12), fd=True)])
        with pytest.raises(Refused, match="classic CAN"):
            await session.flush()
        await session.flush()
        with pytest.raises(Unreadable, match="no CAN bus 'can9'"):
            await session.send_frames([CanFrame(1)], "can9")


async def test_news_are_shared_and_end_with_the_session(house: House, client: Client) -> None:
    async with await opened(house, client) as session:
        await _hear(session)


async def _hear(session: Session) -> None:
    async with session.news() as one, session.news() as two:
        await session.ask("engine", "3E00")
        with trio.fail_after(20):
            assert (await one.receive())["kind"] == "exchange"
        await session.end()
        with trio.fail_after(20):
            assert [news["kind"] async for news in two] == ["exchange", "ended"]


async def test_frames_end_with_the_session(house: House, client: Client) -> None:
    async with await opened(house, client) as session, session.frames("can0") as stream:
        await session.end()
        with trio.fail_after(20), pytest.raises(Ended):
            await stream.receive()


async def test_a_bus_is_run_otherwise_for_a_session(house: House, client: Client) -> None:
    async with await opened(house, client) as session:
        assert (await session.configure_bus("can0", listen_only=True)).listen_only
        with pytest.raises(Unreadable):
            await session.configure_bus("can7")


# --- connections that break ------------------------------------------------------------------


async def test_streams_outlive_a_connection_and_exchanges_do_not(
    house: House, client: Client
) -> None:
    socket = client._in_use.socket
    answers = [CanFilter(0x7E8, 0x7FF)]
    session = await opened(house, client)
    async with session, session.frames("can0", answers) as stream, session.news() as news:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_interrupted, session)
            await until(lambda: len(socket._questions) == 1)
            assert socket._line is not None
            await trio.aclose_forcefully(socket._line._stream)
        with trio.fail_after(20):
            kinds: set[object] = set()
            while "gap" not in kinds:
                kinds.add((await news.receive())["kind"])
            await until(lambda: stream.interruptions == 1)
            await session.flush()
            await session.send_frames([CanFrame(0x7E0, bytes.fromhex("023E005555555555"))])
            assert (await stream.receive()).frames[0].id == 0x7E8
        assert (await session.ask("engine", "22F190"))[0] == 0x62


async def _interrupted(session: Session) -> None:
    with pytest.raises(Interrupted, match="read back before you repeat it"):
        await session.ask("123:456", "3E00")  # nobody answers there for a while


async def test_a_gateway_that_is_gone_is_waited_for_so_long(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.client.socket.PATIENCE", 0.2)
    socket = client._in_use.socket
    session = await opened(house, client)
    await session.ask("engine", "3E00")
    socket._url = "ws://127.0.0.1:1/ws/operator?batch=1"
    assert socket._line is not None
    await trio.aclose_forcefully(socket._line._stream)
    await until(lambda: socket._line is None)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await session.ask("engine", "3E00")
    socket._url = client.profile.socket_url
    monkeypatch.setattr("gateway.client.socket.PATIENCE", 20.0)
    assert await session.ask("engine", "3E00") == b"\x7e\x00"
