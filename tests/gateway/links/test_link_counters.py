from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from trio.testing import MockClock

from gateway.links.counters import LinkCollector, LinkCounters, code_word
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.messages import CloseCode
from tests.support.link_pair import OTHER_PRIVATE
from tests.support.link_world import DialledConnector, LinkWorld, open_world, settle


def _page(counters: LinkCounters, connected: int = 0, handshakes: int = 0) -> dict[str, float]:
    """Return the samples as a scraper gets them."""
    registry = CollectorRegistry()
    registry.register(LinkCollector(counters, lambda: connected, lambda: handshakes))
    lines = generate_latest(registry).decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def test_a_scrape_shows_what_was_counted() -> None:
    counters = LinkCounters()
    counters.traffic.messages_in, counters.traffic.bytes_out = 3, 44
    counters.refused["crowd"] += 7
    counters.frames_lost["operator"] += 5
    page = _page(counters, connected=2, handshakes=1)
    assert page["gateway_link_connections"] == 2
    assert page["gateway_link_handshakes"] == 1
    assert page['gateway_link_messages_total{way="in"}'] == 3
    assert page['gateway_link_bytes_total{way="out"}'] == 44
    assert page['gateway_link_refused_total{reason="crowd"}'] == 7
    assert page['gateway_link_frames_lost_total{where="operator"}'] == 5
    counters.refused["crowd"] += 1
    assert _page(counters)['gateway_link_refused_total{reason="crowd"}'] == 8


def test_labels_are_bounded_whatever_a_peer_says() -> None:
    words = {code_word(code) for code in range(-10, 100_000)}
    assert words == {code.name.lower() for code in CloseCode} | {"unknown"}


def _shown(world: LinkWorld) -> dict[str, float]:
    registry = world.registry
    return _page(registry.counters, registry.connections(), world.port.admission.handshakes)


async def test_the_life_of_a_link_in_numbers(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        assert _shown(world)["gateway_link_connections"] == 1
        await world.nursery.start(device.connect)  # dials while the first one stands
        device.cut()
        await settle()
        await DialledConnector(world, private=OTHER_PRIVATE).connect()
        await settle()
        shown = _shown(world)
        assert shown["gateway_link_connections"] == 0
        assert shown['gateway_link_begun_total{kind="new"}'] == 1
        assert shown['gateway_link_begun_total{kind="resumed"}'] == 1
        assert shown["gateway_link_superseded_total"] == 1
        assert shown['gateway_link_ended_total{code="replaced"}'] == 1
        assert shown['gateway_link_ended_total{code="silent"}'] == 1
        assert shown['gateway_link_refused_total{reason="authentication"}'] == 1
        assert shown['gateway_link_messages_total{way="in"}'] >= 6, "three handshakes"


async def test_frames_and_where_they_were_lost(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        with world.live.listen("can0"):
            # Three frames that tell of two the connector had to drop, to a listener asleep.
            batch = encode_batch(0, [CanFrame(1)] * 3, dropped=2)
            for _ in range(257):
                await device.send_frames(batch)
            await settle()
            await world.live.write_frames(encode_batch(0, [CanFrame(2)] * 4))
            await settle()
        shown = _shown(world)
        assert shown['gateway_link_frames_total{way="to_operator"}'] == 3 * 257
        assert shown['gateway_link_frames_total{way="to_vehicle"}'] == 4
        assert shown['gateway_link_frames_lost_total{where="connector"}'] == 2 * 257
        assert shown['gateway_link_frames_lost_total{where="operator"}'] == 3
