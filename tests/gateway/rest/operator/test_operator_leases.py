from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.sessions.limits import SessionLimits
from tests.gateway.operators import ENGINE, MINE, Floor, open_floor, uuid_of
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock
from tests.support.link_world import until

pytestmark = pytest.mark.slow

READ = {"ecu": ENGINE, "request": "22F190"}


async def test_a_lease_is_shown_to_writer_and_reader(floor: Floor) -> None:
    await floor.plug_in()
    writer, reader = await floor.open_session(), await floor.open_session(token="mate")
    shown = await floor.done("GET", f"/sessions/{writer['id']}/lease")
    assert (shown["session"], shown["lease"], shown["free"]) == (writer["id"], "writer", False)
    assert shown["connector_uuid"] == str(uuid_of(MINE))
    assert shown["expires_at"] > (floor.clock.now + timedelta(minutes=14)).isoformat()
    other = await floor.done("GET", f"/sessions/{reader['id']}/lease", token="mate")
    assert (other["lease"], other["expires_at"], other["take_over"]) == ("reader", None, None)


async def test_a_lease_is_given_up_and_taken(floor: Floor) -> None:
    await floor.plug_in()
    writer, reader = await floor.open_session(), await floor.open_session(token="mate")
    path, theirs = f"/sessions/{writer['id']}/lease", f"/sessions/{reader['id']}/lease"
    await floor.refused("POST", theirs, status=409, code="session.no_lease", token="mate")
    await floor.done("DELETE", path, status=204)
    assert (await floor.done("GET", theirs, token="mate"))["free"]
    exchanges = f"/sessions/{writer['id']}/exchanges"
    await floor.refused("POST", exchanges, READ, status=409, code="session.no_lease")
    assert (await floor.done("POST", theirs, token="mate"))["lease"] == "writer"
    assert (await floor.done("GET", path))["lease"] == "reader"


async def test_a_lease_is_taken_over(workshop: Workshop, clock: SettableClock) -> None:
    async with open_floor(workshop, clock, SessionLimits(take_over_notice=0.1)) as floor:
        await floor.plug_in()
        writer, reader = await floor.open_session(), await floor.open_session(token="mate")
        path = f"/sessions/{reader['id']}/lease"
        asked = await floor.done("POST", path, {"take_over": True}, status=202, token="mate")
        assert (asked["lease"], asked["take_over"]["by"]) == ("reader", "op-2")
        notice = await floor.done("GET", f"/sessions/{writer['id']}/lease")
        # Both are told the same moment, but for the clock's own progress.
        assert notice["take_over"]["by"] == "op-2"
        await floor.links.nursery.start(floor.sessions.serve)
        [taker] = floor.sessions.of(workshop.colleague)
        await until(lambda: taker.writer)
        assert (await floor.done("GET", path, token="mate"))["lease"] == "writer"
        assert (await floor.done("GET", f"/sessions/{writer['id']}/lease"))["lease"] == "reader"


@pytest.mark.parametrize("body", [{"take_over": "yes"}, {"now": True}, [True]])
async def test_what_is_no_request_is_refused(floor: Floor, body: object) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    path = f"/sessions/{session['id']}/lease"
    await floor.refused("POST", path, body, status=400, code="body.field")


async def test_leases_of_others_are_not_there(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    for method in ("GET", "POST", "DELETE"):
        await floor.refused(
            method,
            f"/sessions/{session['id']}/lease",
            status=404,
            code="session.unknown",
            token="mate",
        )
