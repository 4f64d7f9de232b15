from __future__ import annotations

import pytest

from tests.gateway.operators import Floor

pytestmark = pytest.mark.slow


async def test_a_lease_is_asked_for_and_given_up(floor: Floor) -> None:
    await floor.plug_in()
    mine, theirs = await floor.open_session(), await floor.open_session(token="mate")
    async with floor.socket() as holder, floor.socket("mate") as taker:
        await holder.say("subscribe", session=mine["id"], stream="news")
        await holder.hear_of("subscribed")
        await taker.say("lease", session=theirs["id"], do="take", id=1)
        refused = await taker.hear_of("error")
        assert (refused["id"], refused["error"]["code"]) == (1, "session.no_lease")
        await taker.say("lease", session=theirs["id"], do="take_over", id=2)
        answer = await taker.hear_of("lease")
        assert (answer["id"], answer["lease"]["lease"]) == (2, "reader")
        assert answer["lease"]["take_over"]["by"] == "op-2"
        notice = await holder.hear_of("news")
        assert (notice["kind"], notice["take_over"]["by"]) == ("lease", "op-2")
        await holder.say("lease", session=mine["id"], do="release", id=3)
        answer = await holder.hear_of("lease")
        assert (answer["lease"]["lease"], answer["lease"]["free"]) == ("reader", False)
        shown = await floor.done("GET", f"/sessions/{theirs['id']}/lease", token="mate")
        assert shown["lease"] == "writer"


async def test_leases_of_others_are_none_of_ones_business(floor: Floor) -> None:
    await floor.plug_in()
    session = await floor.open_session()
    async with floor.socket("mate") as socket:
        await socket.say("lease", session=session["id"], do="release")
        assert (await socket.hear_of("error"))["error"]["code"] == "session.unknown"
        await socket.say("lease", session=session["id"], do="steal")
        assert (await socket.hear_of("error"))["error"]["code"] == "body.field"
