"""Hundreds of hostile connections, in memory; the suite ``link-fuzz`` has the large number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from benchmarks.attacks import KINDS, Outcome, attack
from benchmarks.intruder import Person
from gateway.links.admission import AdmissionLimits
from gateway.links.flapping import FlappingLimits
from gateway.links.port import PortOptions
from tests.support.link_pair import PRIVATE
from tests.support.link_world import DialledConnector, LinkWorld, known_as, open_world, until

#: A deployment's defaults would damp the few connectors whose keys the intruders share.
OPTIONS = PortOptions(
    admission=AdmissionLimits(rate=1e6), flapping=FlappingLimits(links=1_000_000)
)
SEED = 20_261_120


def _dial(world: LinkWorld) -> Callable[[], Awaitable[trio.abc.Stream]]:
    async def dial() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return world.dial()

    return dial


def _person(world: LinkWorld, number: int) -> Person:
    known, uuid = known_as(number)
    world.known[known.uuid] = known
    return Person(uuid, PRIVATE)


async def _healthy(world: LinkWorld, number: int) -> DialledConnector:
    person = _person(world, number)
    device = DialledConnector(world, uuid=person.uuid)
    await world.nursery.start(device.connect)
    return device


@pytest.mark.slow
async def test_hundreds_of_hostile_connections_end_themselves_and_disturb_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_world(OPTIONS) as world:
        devices = [await _healthy(world, 1 + number) for number in range(3)]
        outcomes: list[Outcome] = []
        slots = trio.Semaphore(16)

        async def one(number: int) -> None:
            # Its own connector each: a second dial-in of one would replace the first.
            person = _person(world, 1000 + number)
            async with slots:
                outcomes.append(await attack(_dial(world), person, SEED, number))

        before = len(world.logged.calls)
        async with trio.open_nursery() as intruders:
            for number in range(12 * len(KINDS)):
                intruders.start_soon(one, number)
        assert len(outcomes) == 12 * len(KINDS) > 300
        await until(lambda: world.port.admission.handshakes == 0, within=30)
        for device in devices:
            assert world.registry.require(UUID(device.uuid)).connected
            assert len(device.told) == 1, "it came online, and nothing else"
        assert world.registry.counters.superseded == 0
        noisy = [
            call
            for call in world.logged.calls[before:]
            if call.method_name in {"warning", "error", "critical"}
        ]
        assert len(noisy) <= len(outcomes), "a line for each connection at most"
        _check_ends(outcomes)


#: How each kind ends, where it does not depend on which bytes were changed.
ENDS = {
    "truncated": "left",
    "oversized": "http 400",
    "wrong_path": "http 404",
    "wrong_subprotocol": "http 400",
    "text": "goodbye protocol",
    "garbage_message": "goodbye protocol",
    "out_of_state": "goodbye protocol",
    "hello_twice": "goodbye protocol",
    "wrong_proof": "goodbye authentication",
    "stranger": "goodbye authentication",
    "garbage_inside": "goodbye protocol",
    "wrong_direction": "goodbye protocol",
    "wrong_channel": "goodbye protocol",
    "left_out": "goodbye protocol",
    "acknowledges_too_much": "goodbye protocol",
    "credit_nonsense": "goodbye protocol",
    "broken_frames_inside": "goodbye protocol",
    "after_goodbye": "websocket 1000",
    # No faults, or none that one could know: the intruder leaves after a while.
    "replayed": "left",
    "unwanted_result": "left",
    "flood": "left",
}


def _check_ends(outcomes: list[Outcome]) -> None:
    ends: dict[str, set[str]] = {}
    for outcome in outcomes:
        ends.setdefault(outcome.kind, set()).add(outcome.end)
    assert {kind: ends[kind] for kind in ENDS} == {kind: {end} for kind, end in ENDS.items()}
    assert ends.keys() == KINDS.keys()


def test_an_attack_can_be_made_again() -> None:
    async def bytes_of(number: int) -> bytes:
        ours, theirs = memory_stream_pair()
        await attack(_given(ours), Person("", b""), SEED, number)
        return bytes(await theirs.receive_some(1 << 20))

    mutated = list(KINDS).index("mutated")
    once, again, other = (
        trio.run(bytes_of, number, clock=MockClock(autojump_threshold=0))
        for number in (mutated, mutated, mutated + len(KINDS))
    )
    assert once == again != other


def _given(stream: trio.abc.Stream) -> Callable[[], Awaitable[trio.abc.Stream]]:
    async def dial() -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return stream

    return dial
