from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.fleet.answers import CAPABILITIES
from firmware_sim.fleet.member import Member
from firmware_sim.fleet.profiles import Profile
from firmware_sim.vehicle.vin import is_vin
from gateway.domain.errors import Unavailable
from gateway.links.port import PortOptions
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.link.connection import queue_message
from protocols.link.messages import (
    CloseCode,
    ExchangeRequest,
    MonitorStart,
    SessionOpen,
    StatusReport,
)
from protocols.link.vehicle import CanTarget
from tests.firmware_sim.fleet.fleet_world import company, enlist
from tests.support.link_world import LinkWorld, open_world, settle, until

ENGINE = CanTarget(0x7E0, 0x7E8)
READ_VIN = bytes.fromhex("22F190")


@pytest.fixture
async def world(autojump_clock: MockClock) -> AsyncIterator[LinkWorld]:
    async with open_world(PortOptions(ping_interval=5.0)) as opened:
        yield opened


async def test_it_comes_online_says_how_it_is_and_answers(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    member, live = await crew.join()
    assert live.capabilities == CAPABILITIES
    await until(lambda: live.status.vin == member.vin)
    assert is_vin(member.vin)
    live.open_session("s", writer=True, grace=30)
    result = await live.exchange("s", ENGINE, READ_VIN)
    assert [answer.data[3:].decode() for answer in result.responses] == [member.vin]
    summary = crew.tally.summary()
    assert (summary.connected, summary.ever_connected, summary.links) == (1, 1, 1)
    assert (summary.exchanges_answered, summary.exchanges_refused) == (1, 0)
    assert (summary.dials, summary.first_dial_in.count, summary.status_reports) == (1, 1, 1)


async def test_only_who_holds_the_lease_is_answered(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    _, live = await crew.join()
    assert (await live.exchange("s", ENGINE, READ_VIN)).failure == "refused"
    live.open_session("s", writer=True, grace=30)
    assert not (await live.exchange("s", ENGINE, READ_VIN)).failure
    live.open_session("s", writer=False, grace=30)
    assert (await live.exchange("s", ENGINE, READ_VIN)).failure == "refused"
    closed = await live.close_session("s")
    assert closed.safe
    assert (await live.exchange("s", ENGINE, READ_VIN)).failure == "refused"
    assert (crew.tally.answered, crew.tally.refused) == (4, 3)


async def test_each_member_sits_in_a_vehicle_of_its_own(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    entries = enlist(world, 200)
    vins = [Member(crew.shared, number, entry).vin for number, entry in enumerate(entries)]
    assert len(set(vins)) == 200


async def test_a_cut_link_is_resumed_and_nothing_arrives_twice(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    _, live = await crew.join()
    live.open_session("s", writer=True, grace=30)
    for _ in range(10):
        world.streams[-1].cut()
        result = await live.exchange("s", ENGINE, READ_VIN)
        assert len(result.responses) == 1
    summary = crew.tally.summary()
    assert summary.exchanges_twice == 0
    assert summary.exchanges_answered == 10
    assert summary.resumed == summary.reconnects == 10
    assert summary.endings == {"silent by connector": 10}
    assert summary.later_dial_in.count == 10


async def test_a_request_that_does_arrive_twice_is_counted(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    _, live = await crew.join()
    for _ in range(2):
        queue_message(live.memory.delivery, ExchangeRequest(77, "s", ENGINE, READ_VIN))
    assert live._pump is not None
    live._pump.flush()
    await until(lambda: crew.tally.twice == 1)


async def test_who_is_refused_for_good_gives_up_and_is_settled(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    [entry] = enlist(world, 1)
    world.known.clear()
    settled: list[bool] = []
    with trio.fail_after(60):
        await Member(crew.shared, 0, entry).run(lambda: settled.append(True))
    assert settled == [True]
    summary = crew.tally.summary()
    assert (summary.given_up, summary.connected) == (1, 0)
    assert summary.refusals == {"authentication": 1}


async def test_who_reaches_nobody_says_why_and_goes_on(
    world: LinkWorld, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = company(world)
    refused = 3

    def dial() -> trio.abc.Stream:
        nonlocal refused
        refused -= 1
        if refused >= 0:
            raise ConnectionRefusedError("nobody listens")
        return real()

    real = world.dial
    monkeypatch.setattr(world, "dial", dial)
    await crew.join()
    summary = crew.tally.summary()
    assert summary.failed_dials == {"gateway cannot be reached: nobody listens": 3}
    assert (summary.dials, summary.links) == (4, 1)


async def test_a_watched_bus_shows_its_frames_until_nobody_watches(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world, Profile(frames_per_second=1000.0))
    _, live = await crew.join()
    seen: list[int] = []
    with live.listen("can0") as feed:
        while len(seen) < 100:
            batch = decode_batch(await feed.next())
            seen += [int.from_bytes(frame.data, "big") for frame in batch.frames]
    assert seen == list(range(len(seen)))
    await trio.sleep(1)
    sent = crew.tally.frames_sent
    await trio.sleep(1)
    assert crew.tally.frames_sent == sent >= 100


async def test_frames_for_its_bus_are_taken(world: LinkWorld, autojump_clock: MockClock) -> None:
    crew = company(world)
    _, live = await crew.join()
    for _ in range(100):  # more than the credit for frames without being consumed
        await live.write_frames(encode_batch(0, [CanFrame(0x123)]))
    await until(lambda: crew.tally.batches_received == 100)


async def test_status_changes_while_it_is_up_and_only_then(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    member, live = await crew.join()
    for _ in range(20):
        member.change_status()
    await settle()
    voltages = {status["voltage"] for status in world.statuses()}
    assert len(voltages - {None}) > 1
    world.registry.disconnect(live.known.uuid, CloseCode.DISABLED, "off")
    await until(lambda: crew.tally.given_up == 1, every=0.05)
    told = crew.tally.status_reports
    member.change_status()
    assert crew.tally.status_reports == told


async def test_what_is_not_for_a_connector_ends_the_link_with_a_reason(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    _, live = await crew.join()
    queue_message(live.memory.delivery, StatusReport())
    assert live._pump is not None
    live._pump.flush()
    await until(lambda: crew.tally.links >= 2)
    assert world.lines("connector link ended")[0]["reason"] == (
        "StatusReport is not for a connector"
    )


async def test_a_reboot_forgets_everything(world: LinkWorld, autojump_clock: MockClock) -> None:
    crew = company(world)
    member, live = await crew.join()
    live.open_session("s", writer=True, grace=30)
    assert not (await live.exchange("s", ENGINE, READ_VIN)).failure
    began = trio.current_time()
    member._reboot(7.0)
    await until(lambda: crew.tally.links == 2, within=30, every=0.05)
    assert 7.0 <= trio.current_time() - began < 9
    assert crew.tally.resumed == 0
    # The gateway opens its sessions anew, so the operator goes on.
    assert not (await live.exchange("s", ENGINE, READ_VIN)).failure
    assert world.lines("connector online")[-1]["resumed"] is False


async def test_sessions_and_watched_buses_end_with_a_reboot(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world, Profile(frames_per_second=100.0))
    member, live = await crew.join()
    # Behind the gateway's back, so that it does not begin them anew.
    for order in (SessionOpen("s", True, 1000), MonitorStart("can0", 0)):
        queue_message(live.memory.delivery, order)
    assert not (await live.exchange("s", ENGINE, READ_VIN)).failure
    await until(lambda: crew.tally.frames_sent > 0)
    member._reboot(1.0)
    await until(lambda: crew.tally.links == 2)
    assert (await live.exchange("s", ENGINE, READ_VIN)).failure == "refused"
    sent = crew.tally.frames_sent
    await trio.sleep(5)
    assert crew.tally.frames_sent == sent


async def test_a_request_on_its_way_to_a_rebooting_device_fails_with_a_clear_reason(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = company(world)
    member, live = await crew.join()
    live.open_session("s", writer=True, grace=30)
    member._reboot(1.0)
    await settle()
    with pytest.raises(Unavailable, match="started anew"), trio.fail_after(30):
        await live.exchange("s", ENGINE, READ_VIN)
    assert crew.tally.summary().exchanges_twice == 0


async def test_an_order_for_its_bus_is_refused_and_ends_nothing(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    _, live = await company(world).join()
    live.open_session("s", writer=True, grace=30)
    answer = await live.buses.configure(
        "s", "can0", bitrate=250_000, data_bitrate=None, listen_only=False, filters=()
    )
    assert (answer.failure, live.connected) == ("refused", True)
