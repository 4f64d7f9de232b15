from __future__ import annotations

from protocols.link.connection import Traffic
from protocols.link.envelope import pack
from protocols.link.gateway import GatewayLink
from protocols.link.messages import Channel, encode_body
from tests.support.link_pair import Pair, outgoing, request, result


def test_messages_and_bytes_are_counted_alike_at_both_ends() -> None:
    pair = Pair()
    pair.flow()
    for number in range(40):
        pair.gateway.send(request(number))
        pair.flow()
        pair.connector.send(result(number))
        pair.flow()
    pair.advance(30.0)
    ours, theirs = pair.gateway.traffic, pair.connector.traffic
    assert (ours.messages_out, ours.bytes_out) == (theirs.messages_in, theirs.bytes_in)
    assert (ours.messages_in, ours.bytes_in) == (theirs.messages_out, theirs.bytes_out)
    assert ours.messages_out >= 40 + 2, "requests, challenge and welcome"
    assert (ours.replayed, ours.duplicates) == (0, 0)


def test_acknowledgements_that_go_alone_are_counted() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.flow()
    pair.advance(1.0)
    assert pair.connector.traffic.acks_out == pair.gateway.traffic.acks_in == 1
    assert pair.gateway.traffic.acks_out == 0


def test_what_is_sent_again_and_received_again_is_counted() -> None:
    pair = Pair.live()
    for number in range(3):
        pair.gateway.send(request(number))
    first, *lost = outgoing(pair.gateway)
    pair.deliver(first, pair.connector)
    assert len(lost) == 2
    pair.cut()
    again = pair.again()
    assert again.gateway.traffic.replayed == 2, "the first had arrived"
    assert again.connector.traffic.duplicates == 0
    twice = pack(Channel.EXCHANGE, 1, 0, encode_body(request(0)))
    again.deliver(twice, again.connector)
    assert again.connector.traffic.duplicates == 1


def test_connections_may_share_their_counters() -> None:
    traffic = Traffic()
    for _ in range(2):
        GatewayLink(0.0, traffic).receive(b"nonsense", 0.0)
    assert (traffic.messages_in, traffic.bytes_in) == (2, 16)
