"""The packets are compared with those of the standard, and go through a real broker elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers import mqtt
from benchmarks.peers.mqtt import Packet, Publish, Reader, read_publish


def test_connect_is_the_standards() -> None:
    # OASIS MQTT 3.1.1, 3.1: protocol name, level 4, clean session, keep alive 10.
    expected = bytes.fromhex("10 0E 0004 4D515454 04 02 000A 0002 6331")
    assert mqtt.connect("c1", 10) == expected


def test_subscribe_is_the_standards() -> None:
    assert mqtt.subscribe(10, "a/b", 1) == bytes.fromhex("82 08 000A 0003 612F62 01")


def test_publish_carries_a_number_only_where_it_is_acknowledged() -> None:
    assert mqtt.publish("a/b", b"\xff") == bytes.fromhex("30 06 0003 612F62 FF")
    assert mqtt.publish("a/b", b"\xff", 10) == bytes.fromhex("32 08 0003 612F62 000A FF")
    assert mqtt.puback(10) == bytes.fromhex("40 02 000A")


@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=10),
            st.binary(max_size=40) | st.just(bytes(130)) | st.just(bytes(20_000)),
            st.integers(0, 0xFFFF),
        ),
        max_size=5,
    ),
    st.sampled_from([1, 2, 3, 4096]),
)
def test_messages_come_out_as_they_went_in_however_they_are_cut(
    messages: list[tuple[str, bytes, int]], size: int
) -> None:
    wire = b"".join(mqtt.publish(*message) for message in messages)[:60_000]
    if size < 4:
        wire = wire[:400]
    whole, reader = Reader().feed(wire), Reader()
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert [packet for piece in pieces for packet in reader.feed(piece)] == whole
    read = [read_publish(packet) for packet in whole]
    assert read == [Publish(*message) for message in messages[: len(read)]]


def test_other_packets_are_told_apart() -> None:
    data = bytes.fromhex("20020000 9003000100 D000")
    kinds = [packet.kind for packet in Reader().feed(data)]
    assert kinds == [mqtt.CONNACK, mqtt.SUBACK, mqtt.PINGRESP]
    assert Reader().feed(mqtt.PINGREQ) == [Packet(12, 0, b"")]


def test_a_length_without_end_is_no_packet() -> None:
    with pytest.raises(ValueError, match="more than four bytes"):
        Reader().feed(b"\x30\xff\xff\xff\xff\x01")
