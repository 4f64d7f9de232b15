from __future__ import annotations

import pytest
import trio
import trio.testing

from gateway.domain.errors import NotFound
from gateway.web.frames import text_frame
from gateway.ws.customer.messages import Followed, Kind
from gateway.ws.customer.outgoing import Notice, Outgoing, problem_text

ONE, OTHER = Followed(Kind.TICKET, 1), Followed(Kind.TICKET, 2)


class Network:
    """Takes texts when it is let, and frames when it is fast."""

    def __init__(self, *, fast: bool = False) -> None:
        self.fast = fast
        self.went: list[str | bytes] = []
        self.open = trio.Event()

    async def send(self, text: str) -> None:
        await self.open.wait()
        self.went.append(text)

    def send_nowait(self, frame: bytes) -> bool:
        if self.fast:
            self.went.append(frame)
        return self.fast


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_where_the_way_is_free_the_ready_frame_goes() -> None:
    network = Network(fast=True)
    out = Outgoing(network.send, network.send_nowait, 4)
    out.update(ONE, Notice.of("now"))
    assert network.went == [text_frame("now")]
    assert len(out) == 0


async def test_nothing_overtakes_what_waits_or_is_being_sent(nursery: trio.Nursery) -> None:
    network = Network(fast=True)
    out = Outgoing(network.send, network.send_nowait, 4)
    nursery.start_soon(out.write)
    await out.say("first")
    await settled()
    out.update(ONE, Notice.of("second"))
    network.open.set()
    await settled()
    out.update(ONE, Notice.of("third"))
    assert network.went == ["first", "second", text_frame("third")]


async def test_an_update_that_waits_gives_way_to_a_newer_one(nursery: trio.Nursery) -> None:
    network = Network()
    out = Outgoing(network.send, network.send_nowait, 4)
    for number in range(100):
        out.update(ONE, Notice.of(f"one {number}"))
        out.update(OTHER, Notice.of(f"other {number}"))
    assert len(out) == 2
    nursery.start_soon(out.write)
    network.open.set()
    await settled()
    assert network.went == ["one 99", "other 99"]


async def test_what_is_said_waits_for_room_and_updates_take_none(nursery: trio.Nursery) -> None:
    network = Network()
    out = Outgoing(network.send, network.send_nowait, 2)
    out.update(ONE, Notice.of("update"))
    await out.say("first")
    await out.say("second")
    with trio.move_on_after(0) as full:
        await out.say("third")
    assert full.cancelled_caught
    nursery.start_soon(out.say, "third")
    nursery.start_soon(out.write)
    network.open.set()
    await settled()
    assert network.went == ["update", "first", "second", "third"]


async def test_the_writer_ends_with_what_failed(nursery: trio.Nursery) -> None:
    network = Network()
    out = Outgoing(network.send, network.send_nowait, 2)
    caught: list[BaseException | None] = []

    async def write() -> None:
        with pytest.raises(RuntimeError) as failed:
            await out.write()
        caught.append(failed.value.__cause__)

    nursery.start_soon(write)
    await settled()
    cause = ValueError("no ticket looks like that")
    out.fail(cause)
    await settled()
    assert caught == [cause]


def test_a_problem_has_its_code() -> None:
    assert '"code":"x.gone"' in problem_text(NotFound("x.gone", "It is gone."))
