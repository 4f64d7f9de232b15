# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from doipclient import messages as m
from hypothesis import given
from hypothesis import strategies as st

from protocols.doip.codec import Message, encode
from protocols.doip.events import DiagnosticRequest, RoutingActivated
from protocols.doip.settings import DoipTesterSettings, expect_key
from protocols.doip.tester import (
    TESTER_TABLE,
    DoipTester,
    DoipTesterState,
    DoipTesterTrigger,
)
from protocols.doip.tester_events import (
    CloseCause,
    ConnectionClosed,
    DeliveryConfirmed,
    DeliveryFailed,
    DeliveryFault,
    DiagnosticReceived,
    DoipTesterEvent,
    RoutingReady,
)
from protocols.errors import LocalProtocolError
from tests.protocols.doip.wired import BODY, ENGINE, OTHER, SETTINGS, TESTER, Client, Vehicle

S, T = DoipTesterState, DoipTesterTrigger

EXPECTED = {
    (S.CONNECTING, T.CONNECTED): S.ACTIVATING,
    (S.ACTIVATING, T.GRANTED): S.ACTIVE,
    (S.ACTIVATING, T.CONFIRMATION_WANTED): S.CONFIRMING,
    (S.CONFIRMING, T.GRANTED): S.ACTIVE,
    (S.CONNECTING, T.ENDED): S.CLOSED,
    (S.ACTIVATING, T.ENDED): S.CLOSED,
    (S.CONFIRMING, T.ENDED): S.CLOSED,
    (S.ACTIVE, T.ENDED): S.CLOSED,
}


@pytest.mark.parametrize("trigger", DoipTesterTrigger)
@pytest.mark.parametrize("state", DoipTesterState)
def test_every_state_and_trigger(state: DoipTesterState, trigger: DoipTesterTrigger) -> None:
    target = EXPECTED.get((state, trigger))
    if target is None:
        with pytest.raises(LocalProtocolError, match=f"{trigger.name}.*{state.name}"):
            TESTER_TABLE.step(state, trigger)
    else:
        assert TESTER_TABLE.step(state, trigger) is target


def test_every_state_is_reached_and_reaches_the_end() -> None:
    assert TESTER_TABLE.reachable() == frozenset(DoipTesterState)
    for state in DoipTesterState:
        assert S.CLOSED in TESTER_TABLE.reachable(state)


def started(settings: DoipTesterSettings | None = None) -> DoipTester:
    tester = DoipTester(settings or DoipTesterSettings())
    tester.connected(0.0)
    return tester


def active() -> DoipTester:
    tester = started()
    hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x10))
    tester.data_to_send()
    return tester


def hear(tester: DoipTester, *messages: Message, now: float = 0.0) -> list[DoipTesterEvent]:
    for message in messages:
        tester.receive(encode(message), now)
    return events(tester)


def events(tester: DoipTester) -> list[DoipTesterEvent]:
    found = []
    while (event := tester.next_event()) is not None:
        found.append(event)
    return found


def ack(target: int) -> Message:
    return m.DiagnosticMessagePositiveAcknowledgement(target, TESTER, 0, b"")


def nack(target: int, code: int) -> Message:
    return m.DiagnosticMessageNegativeAcknowledgement(target, TESTER, code, b"")


def test_golden_conversation() -> None:
    tester = started(DoipTesterSettings(source_address=0x0E80, oem=0xCAFE0001))
    assert tester.data_to_send().hex() == "02fd00050000000b0e800000000000cafe0001"
    tester.receive(bytes.fromhex("02fd0006000000090e8010001000000000"), 0.0)
    tester.send(0x1010, bytes.fromhex("22f190"), 0.0)
    assert tester.data_to_send().hex() == "02fd8001000000070e80101022f190"
    tester.receive(bytes.fromhex("02fd80020000000510100e800002fd80010000000810100e80"), 0.0)
    tester.receive(bytes.fromhex("62f19041"), 0.0)
    assert events(tester) == [
        RoutingReady(0x1000),
        DeliveryConfirmed(1, 0x1010),
        DiagnosticReceived(0x1010, bytes.fromhex("62f19041")),
    ]


def test_no_answer_to_the_activation_ends_after_two_seconds() -> None:
    tester = started()
    assert tester.next_deadline() == 2.0
    tester.handle_deadline(1.999)
    assert events(tester) == []
    tester.handle_deadline(2.0)
    (closed,) = events(tester)
    assert isinstance(closed, ConnectionClosed)
    assert closed.cause is CloseCause.TIMEOUT
    assert tester.next_deadline() is None


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 7, 0x55, 0xE0])
def test_every_denial_ends_with_its_code(code: int) -> None:
    tester = started()
    (closed,) = hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, code))
    assert isinstance(closed, ConnectionClosed)
    assert (closed.cause, closed.code) == (CloseCause.DENIED, code)
    assert f"{code:02X}" in closed.detail


def test_code_11_is_waited_out() -> None:
    tester = started()
    assert hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x11), now=1.0) == []
    assert tester.state is S.CONFIRMING
    assert tester.next_deadline() == 31.0
    hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x11), now=9.0)
    assert tester.next_deadline() == 31.0
    answer = m.RoutingActivationResponse(TESTER, 0x1000, 0x10)
    assert hear(tester, answer, now=30.0) == [RoutingReady(0x1000)]
    assert tester.next_deadline() is None


def test_activation_answers_for_others_or_unasked_are_ignored() -> None:
    tester = started()
    assert hear(tester, m.RoutingActivationResponse(OTHER, 0x1000, 0x10)) == []
    hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x10))
    assert hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x00)) == []
    assert tester.state is S.ACTIVE
    assert tester.ignored == 2


@pytest.mark.parametrize("make", [started, active])
def test_alive_checks_are_answered_at_once(make: Callable[[], DoipTester]) -> None:
    tester = make()
    tester.data_to_send()
    hear(tester, m.AliveCheckRequest())
    assert tester.data_to_send().hex() == "02fd0008000000020e80"


def test_acknowledgements_find_the_oldest_message_for_their_target() -> None:
    tester = active()
    numbers = [tester.send(target, b"\x3e\x00", 0.0) for target in (ENGINE, BODY, ENGINE)]
    assert numbers == [1, 2, 3]
    assert hear(tester, ack(BODY), ack(ENGINE), nack(ENGINE, 6)) == [
        DeliveryConfirmed(2, BODY),
        DeliveryConfirmed(1, ENGINE),
        DeliveryFailed(3, ENGINE, DeliveryFault.REFUSED, 6),
    ]
    assert tester.next_deadline() is None


@pytest.mark.parametrize("code", [2, 3, 4, 6, 7, 8, 0xF0])
def test_refusals_carry_their_code(code: int) -> None:
    tester = active()
    number = tester.send(ENGINE, b"\x3e\x00", 0.0)
    assert hear(tester, nack(ENGINE, code)) == [
        DeliveryFailed(number, ENGINE, DeliveryFault.REFUSED, code)
    ]


def test_no_acknowledgement_within_two_seconds_fails_that_message_alone() -> None:
    tester = active()
    first = tester.send(ENGINE, b"\x3e\x00", 0.0)
    second = tester.send(BODY, b"\x3e\x00", 1.0)
    assert tester.next_deadline() == 2.0
    tester.handle_deadline(2.0)
    assert events(tester) == [DeliveryFailed(first, ENGINE, DeliveryFault.NO_ACKNOWLEDGEMENT)]
    assert tester.state is S.ACTIVE
    assert tester.next_deadline() == 3.0
    assert hear(tester, ack(BODY)) == [DeliveryConfirmed(second, BODY)]


def test_out_of_memory_is_repeated_three_times_200_ms_apart() -> None:
    tester = active()
    number = tester.send(ENGINE, b"\x3e\x00", 0.0)
    wire = tester.data_to_send()
    for attempt in range(3):
        now = attempt * 0.25
        assert hear(tester, nack(ENGINE, 5), now=now) == []
        tester.handle_deadline(now + 0.19)
        assert tester.data_to_send() == b""
        assert tester.next_deadline() == pytest.approx(now + 0.2)
        tester.handle_deadline(now + 0.2)
        assert tester.data_to_send() == wire
    assert hear(tester, nack(ENGINE, 5), now=1.0) == [
        DeliveryFailed(number, ENGINE, DeliveryFault.REFUSED, 5)
    ]


def test_a_repeated_message_that_is_taken_is_confirmed_once() -> None:
    tester = active()
    number = tester.send(ENGINE, b"\x3e\x00", 0.0)
    hear(tester, nack(ENGINE, 5))
    assert hear(tester, ack(ENGINE)) == []  # nothing waits during the pause
    tester.handle_deadline(0.2)
    assert tester.next_deadline() == 2.2
    assert hear(tester, ack(ENGINE)) == [DeliveryConfirmed(number, ENGINE)]
    assert tester.ignored == 1


def test_generic_nacks_are_about_the_oldest_message() -> None:
    tester = active()
    first = tester.send(ENGINE, b"\x3e\x00", 0.0)
    second = tester.send(BODY, b"\x3e\x00", 0.0)
    assert hear(tester, m.GenericDoIPNegativeAcknowledge(2)) == [
        DeliveryFailed(first, ENGINE, DeliveryFault.HEADER_REFUSED, 2)
    ]
    assert hear(tester, m.GenericDoIPNegativeAcknowledge(3)) == []
    tester.data_to_send()
    tester.handle_deadline(0.2)
    assert b"\x3e\x00" in tester.data_to_send()
    assert hear(tester, ack(BODY)) == [DeliveryConfirmed(second, BODY)]
    assert hear(tester, m.GenericDoIPNegativeAcknowledge(2)) == []
    assert tester.ignored == 1


@pytest.mark.parametrize(
    "message",
    [
        ack(ENGINE),
        nack(ENGINE, 3),
        m.DiagnosticMessage(ENGINE, OTHER, b"\x7e\x00"),
        m.DiagnosticMessagePositiveAcknowledgement(ENGINE, OTHER, 0, b""),
        m.AliveCheckResponse(ENGINE),
        m.VehicleIdentificationRequest(),
    ],
)
def test_what_makes_no_sense_is_counted_and_dropped(message: Message) -> None:
    tester = active()
    assert hear(tester, message) == []
    assert tester.ignored == 1
    assert tester.state is S.ACTIVE


def test_a_stream_that_is_no_doip_ends_the_connection() -> None:
    tester = active()
    number = tester.send(ENGINE, b"\x3e\x00", 0.0)
    tester.receive(b"HTTP/1.1 400 Bad Request", 0.0)
    failed, closed = events(tester)
    assert failed == DeliveryFailed(number, ENGINE, DeliveryFault.CONNECTION_LOST)
    assert isinstance(closed, ConnectionClosed)
    assert closed.cause is CloseCause.PROTOCOL


@pytest.mark.parametrize(
    ("end", "cause"), [("disconnected", CloseCause.LOST), ("close", CloseCause.LOCAL)]
)
def test_the_end_fails_what_was_under_way_and_comes_once(end: str, cause: CloseCause) -> None:
    tester = active()
    tester.send(ENGINE, b"\x3e\x00", 0.0)
    for _ in range(2):
        getattr(tester, end)()
    failed, closed = events(tester)
    assert isinstance(failed, DeliveryFailed)
    assert isinstance(closed, ConnectionClosed)
    assert closed.cause is cause
    assert hear(tester, m.AliveCheckRequest()) == []
    assert tester.next_deadline() is None


def test_misuse_is_refused() -> None:
    tester = DoipTester(DoipTesterSettings(max_waiting=1))
    with pytest.raises(LocalProtocolError, match="before the socket"):
        tester.receive(b"", 0.0)
    tester.connected(0.0)
    with pytest.raises(LocalProtocolError, match="CONNECTED is not possible"):
        tester.connected(0.0)
    with pytest.raises(LocalProtocolError, match="not active but ACTIVATING"):
        tester.send(ENGINE, b"\x3e", 0.0)
    hear(tester, m.RoutingActivationResponse(TESTER, 0x1000, 0x10))
    with pytest.raises(LocalProtocolError, match="at least one byte"):
        tester.send(ENGINE, b"", 0.0)
    with pytest.raises(LocalProtocolError, match="cannot be packed"):
        tester.send(0x10000, b"\x3e", 0.0)
    tester.send(ENGINE, b"\x3e", 0.0)
    with pytest.raises(LocalProtocolError, match="wait to be acknowledged"):
        tester.send(ENGINE, b"\x3e", 0.0)


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_give_events_and_nothing_else(chunks: list[bytes]) -> None:
    tester = started()
    for chunk in chunks:
        tester.receive(chunk, 0.0)
        assert all(isinstance(event, DoipTesterEvent) for event in events(tester))


answers = st.sampled_from(
    [
        m.RoutingActivationResponse(TESTER, 0x1000, 0x10),
        m.AliveCheckRequest(),
        ack(ENGINE),
        ack(BODY),
        nack(ENGINE, 5),
        nack(BODY, 6),
        m.GenericDoIPNegativeAcknowledge(3),
        m.DiagnosticMessage(ENGINE, TESTER, b"\x7e\x00"),
    ]
)


@given(st.lists(answers | st.sampled_from([ENGINE, BODY, 0.3]), max_size=30))
def test_every_message_has_exactly_one_outcome(script: list[object]) -> None:
    tester = active()
    now, sent, outcomes = 0.0, [], []
    for step in script:
        if isinstance(step, int):
            sent.append(tester.send(step, b"\x3e\x00", now))
        elif isinstance(step, float):
            now += step
            tester.handle_deadline(now)
        else:
            tester.receive(encode(step), now)  # type: ignore[arg-type]
        outcomes += events(tester)
    tester.close()
    outcomes += events(tester)
    numbers = [e.number for e in outcomes if isinstance(e, DeliveryConfirmed | DeliveryFailed)]
    assert sorted(numbers) == sent


def test_wired_one_connection_many_control_units() -> None:
    vehicle = Vehicle()
    client = Client(vehicle)
    assert client.exchange_bytes() == [RoutingReady(0x1000)]
    for target in (ENGINE, BODY):
        client.tester.send(target, b"\x22\xf1\x90", vehicle.now)
    client.exchange_bytes()
    asked = [event for event in vehicle.events if isinstance(event, DiagnosticRequest)]
    for each in reversed(asked):
        vehicle.entity.accept(each, vehicle.now)
        vehicle.entity.respond(client.number, each.target, each.source, b"\x62", vehicle.now)
    assert client.exchange_bytes() == [
        DeliveryConfirmed(2, BODY),
        DiagnosticReceived(BODY, b"\x62"),
        DeliveryConfirmed(1, ENGINE),
        DiagnosticReceived(ENGINE, b"\x62"),
    ]


def test_wired_a_living_tester_keeps_its_place_and_a_dead_one_loses_it() -> None:
    vehicle = Vehicle()
    first, second = Client(vehicle), Client(vehicle)
    first.exchange_bytes()
    assert second.exchange_bytes() == []
    first.exchange_bytes()  # answers the alive check
    (denied,) = second.exchange_bytes()
    assert isinstance(denied, ConnectionClosed)
    assert denied.code == 0x03
    third = Client(vehicle)
    third.exchange_bytes()
    vehicle.advance_to(vehicle.now + 0.5)  # and this time it does not
    assert third.exchange_bytes() == [RoutingReady(0x1000)]
    (lost,) = first.exchange_bytes()
    assert isinstance(lost, ConnectionClosed)
    assert lost.cause is CloseCause.LOST


def test_wired_the_oem_key_opens_the_door() -> None:
    vehicle = Vehicle(dataclasses.replace(SETTINGS, authentication=expect_key(0xCAFE0001)))
    stranger = Client(vehicle, DoipTesterSettings(source_address=OTHER, oem=1))
    (denied,) = stranger.exchange_bytes()
    assert isinstance(denied, ConnectionClosed)
    assert denied.code == 0x04
    friend = Client(vehicle, DoipTesterSettings(source_address=TESTER, oem=0xCAFE0001))
    assert friend.exchange_bytes() == [RoutingReady(0x1000)]
    assert vehicle.events[-1] == RoutingActivated(
        friend.number, TESTER, 0, bytes.fromhex("CAFE0001")
    )
