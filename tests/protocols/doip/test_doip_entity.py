# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses

import pytest
from doipclient.messages import (
    AliveCheckRequest,
    AliveCheckResponse,
    DiagnosticMessage,
    DiagnosticMessageNegativeAcknowledgement,
    DiagnosticMessagePositiveAcknowledgement,
    GenericDoIPNegativeAcknowledge,
    RoutingActivationRequest,
)
from hypothesis import given
from hypothesis import strategies as st

from protocols.doip.codec import encode
from protocols.doip.entity import DiagnosticNack
from protocols.doip.events import CloseReason, ConnectionEnding, DiagnosticRequest
from protocols.errors import LocalProtocolError
from tests.protocols.doip.wired import (
    BODY,
    ENGINE,
    OTHER,
    SETTINGS,
    TESTER,
    Vehicle,
    request,
)


def nack(target: int, code: int, source: int = TESTER) -> DiagnosticMessageNegativeAcknowledgement:
    return DiagnosticMessageNegativeAcknowledgement(target, source, code, b"")


def test_a_request_goes_out_and_its_answer_comes_back() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(ENGINE, "22F190"))
    (asked,) = vehicle.events
    assert asked == DiagnosticRequest(number, TESTER, ENGINE, bytes.fromhex("22F190"))
    assert number not in vehicle.sent  # nothing is acknowledged before the driver says so
    vehicle.entity.accept(asked, vehicle.now)
    assert vehicle.entity.respond(number, ENGINE, TESTER, b"\x62\xf1\x90\x41", vehicle.now)
    vehicle.pump()
    assert vehicle.sent[number].hex() == (
        "02fd80020000000510100e8000"  # 8002
        "02fd80010000000810100e8062f19041"  # 8001
    )


@pytest.mark.parametrize("code", [5, 6, 7, 8])
def test_the_driver_refuses(code: int) -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(BODY, "3E00"))
    (asked,) = vehicle.events
    assert isinstance(asked, DiagnosticRequest)
    vehicle.entity.refuse(asked, code, vehicle.now)
    vehicle.pump()
    assert vehicle.said(number) == [nack(BODY, code)]
    assert number not in vehicle.closed


def test_nack_02_closes_a_socket_that_is_not_registered() -> None:
    vehicle = Vehicle()
    number = vehicle.connect()
    vehicle.feed(number, request(ENGINE, "3E00"))
    assert vehicle.said(number) == [nack(ENGINE, DiagnosticNack.InvalidSourceAddress)]
    assert vehicle.events == [ConnectionEnding(number, CloseReason.INVALID_SOURCE)]


def test_nack_02_closes_a_socket_that_speaks_for_someone_else() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(ENGINE, "3E00", source=OTHER), request(ENGINE, "3E00"))
    assert vehicle.said(number) == [nack(ENGINE, 2, OTHER)]
    assert vehicle.events == [ConnectionEnding(number, CloseReason.INVALID_SOURCE)]


def test_nack_03_unknown_target_keeps_the_socket() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(0x7777, "3E00"))
    assert vehicle.said(number) == [nack(0x7777, DiagnosticNack.UnknownTargetAddress)]
    assert vehicle.events == []


def test_nack_04_too_large_for_the_network_behind() -> None:
    vehicle = Vehicle(dataclasses.replace(SETTINGS, max_request=4))
    number = vehicle.activated()
    vehicle.feed(number, request(ENGINE, "2E12345678"), request(ENGINE, "2E123456"))
    assert vehicle.said(number) == [nack(ENGINE, DiagnosticNack.DiagnosticMessageTooLarge)]
    assert len(vehicle.events) == 1


def test_nack_05_when_too_many_requests_wait() -> None:
    vehicle = Vehicle(dataclasses.replace(SETTINGS, max_undecided=2))
    number = vehicle.activated()
    vehicle.feed(number, *[request(ENGINE, "3E00")] * 3)
    assert vehicle.said(number) == [nack(ENGINE, DiagnosticNack.OutOfMemory)]
    first, _ = vehicle.events
    assert isinstance(first, DiagnosticRequest)
    vehicle.entity.accept(first, vehicle.now)
    vehicle.feed(number, request(ENGINE, "3E00"))
    assert len(vehicle.events) == 3


def test_deciding_twice_is_our_own_fault() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(ENGINE, "3E00"))
    (asked,) = vehicle.events
    assert isinstance(asked, DiagnosticRequest)
    vehicle.entity.accept(asked, vehicle.now)
    with pytest.raises(LocalProtocolError, match="waits for a decision"):
        vehicle.entity.refuse(asked, 6, vehicle.now)


def test_what_comes_after_the_socket_went_is_nobodys() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, request(ENGINE, "3E00"))
    (asked,) = vehicle.events
    assert isinstance(asked, DiagnosticRequest)
    vehicle.entity.disconnected(number, vehicle.now)
    vehicle.entity.disconnected(number, vehicle.now)
    vehicle.entity.accept(asked, vehicle.now)
    assert not vehicle.entity.respond(number, ENGINE, TESTER, b"\x7e\x00", vehicle.now)
    vehicle.entity.receive(number, encode(request(ENGINE, "3E00")), vehicle.now)
    assert vehicle.entity.data_to_send() == []


def test_answers_for_another_client_do_not_leave() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    assert not vehicle.entity.respond(number, ENGINE, OTHER, b"\x7e\x00", vehicle.now)
    assert vehicle.entity.data_to_send() == []


def test_requests_pass_while_an_alive_check_runs() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(vehicle.connect(), RoutingActivationRequest(TESTER, 0))
    vehicle.feed(number, request(ENGINE, "3E00"))
    assert DiagnosticRequest(number, TESTER, ENGINE, b"\x3e\x00") in vehicle.events


def test_a_client_that_asks_whether_we_live_is_told() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, AliveCheckRequest())
    assert vehicle.said(number) == [AliveCheckResponse(0x1000)]


@pytest.mark.parametrize(
    ("data", "code", "closes"),
    [
        ("47455420 2F204854", 0, True),  # no DoIP at all
        ("02FD 0001 00000000", 1, False),  # belongs to UDP
        ("02FD F123 00000002 0102", 1, False),
        ("02FD 8001 00020001", 2, False),
        ("02FD 0008 00000003", 4, True),
    ],
)
def test_generic_negative_acknowledges(data: str, code: int, *, closes: bool) -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, bytes.fromhex(data))
    assert vehicle.said(number) == [GenericDoIPNegativeAcknowledge(code)]
    assert (number in vehicle.closed) is closes


def test_nack_03_when_messages_under_way_announce_too_much_together() -> None:
    vehicle = Vehicle(dataclasses.replace(SETTINGS, receive_memory=100))
    first, second = vehicle.connect(), vehicle.activated()
    vehicle.feed(first, bytes.fromhex("02FD 8001 00000060"))
    vehicle.feed(second, request(ENGINE, "3E00"))
    assert vehicle.said(second) == [GenericDoIPNegativeAcknowledge(3)]
    vehicle.entity.disconnected(first, vehicle.now)
    vehicle.feed(second, request(ENGINE, "3E00"))
    assert vehicle.events == [DiagnosticRequest(second, TESTER, ENGINE, b"\x3e\x00")]


@pytest.mark.parametrize(
    "message",
    [
        GenericDoIPNegativeAcknowledge(0),
        DiagnosticMessagePositiveAcknowledgement(TESTER, ENGINE, 0, b""),
        DiagnosticMessageNegativeAcknowledgement(TESTER, ENGINE, 3, b""),
    ],
)
def test_acknowledgements_of_a_client_are_let_pass(message: DiagnosticMessage) -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, message)
    assert number not in vehicle.sent
    assert vehicle.events == []


def test_answers_come_in_the_clients_version() -> None:
    vehicle = Vehicle()
    number = vehicle.connect()
    vehicle.feed(number, encode(RoutingActivationRequest(TESTER, 0), 3))
    assert vehicle.sent[number][:2].hex() == "03fc"


def test_silence_before_activation_ends_after_two_seconds() -> None:
    vehicle = Vehicle()
    number = vehicle.connect()
    vehicle.feed(number, b"\x02\xfd")
    vehicle.advance_to(vehicle.now + 1.999)
    assert vehicle.events == []
    vehicle.advance_to(vehicle.now + 0.001)
    assert vehicle.events == [ConnectionEnding(number, CloseReason.INITIAL_INACTIVITY)]


def test_silence_after_activation_ends_after_five_minutes() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.advance_to(vehicle.now + 299)
    vehicle.feed(number, AliveCheckRequest())
    vehicle.advance_to(vehicle.now + 299.999)
    assert vehicle.closed == set()
    vehicle.advance_to(vehicle.now + 0.001)
    assert vehicle.events == [ConnectionEnding(number, CloseReason.GENERAL_INACTIVITY)]
    assert vehicle.entity.next_deadline() is None


def test_closing_from_our_side_lets_queued_bytes_out() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.entity.respond(number, ENGINE, TESTER, b"\x7e\x00", vehicle.now)
    vehicle.entity.close(number, vehicle.now)
    vehicle.entity.close(number, vehicle.now)
    vehicle.pump()
    assert vehicle.said(number) == [DiagnosticMessage(ENGINE, TESTER, b"\x7e\x00")]
    assert vehicle.events == [ConnectionEnding(number, CloseReason.LOCAL)]


words = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([TESTER, OTHER, 0x0E82, 0x0001]).map(
        lambda source: encode(RoutingActivationRequest(source, 0))
    ),
    st.sampled_from([TESTER, OTHER]).map(lambda source: encode(AliveCheckResponse(source))),
    st.builds(
        lambda source, target, data: encode(DiagnosticMessage(source, target, data)),
        st.sampled_from([TESTER, OTHER]),
        st.sampled_from([ENGINE, 0x4444]),
        st.binary(min_size=1, max_size=5),
    ),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("connect"), st.just(b"")),
        st.tuples(st.just("wait"), st.sampled_from([b"a", b"b" * 5, b"c" * 30])),
        st.tuples(st.just("gone"), st.binary(min_size=1, max_size=1)),
        st.tuples(st.just("feed"), words),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_clients_do_the_entity_stays_within_its_rules(
    script: list[tuple[str, bytes]],
) -> None:
    vehicle = Vehicle()
    opened: list[int] = []
    for what, data in script:
        if what == "connect":
            number = vehicle.entity.connected(vehicle.now)
            opened += [] if number is None else [number]
        elif what == "wait":
            vehicle.advance_to(vehicle.now + len(data) / 10)
        elif opened:
            number = opened[len(data) % len(opened)]
            if what == "gone":
                vehicle.entity.disconnected(number, vehicle.now)
            vehicle.feed(number, data)
        check_rules(vehicle, opened)


def check_rules(vehicle: Vehicle, opened: list[int]) -> None:
    live = [each for each in map(vehicle.entity._sockets.get, opened) if each is not None]
    assert vehicle.entity.open_sockets == len(live) <= SETTINGS.max_sockets + 1
    holders = [each.source for each in live if each.state.name in {"REGISTERED", "CHECKING"}]
    assert len(holders) == len(set(holders)) <= SETTINGS.max_sockets
    # Every socket that is not closed yet has a timer, or waits for one that has.
    assert not live or vehicle.entity.next_deadline() is not None
