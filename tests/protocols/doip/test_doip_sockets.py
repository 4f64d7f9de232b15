# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses

import pytest
from doipclient.messages import (
    AliveCheckRequest,
    AliveCheckResponse,
    RoutingActivationRequest,
    RoutingActivationResponse,
)

from protocols.doip.events import (
    CloseReason,
    ConfirmationWanted,
    ConnectionEnding,
    RoutingActivated,
)
from protocols.doip.settings import EntitySettings, expect_key
from protocols.errors import LocalProtocolError
from tests.protocols.doip.wired import OTHER, SETTINGS, TESTER, Vehicle

THIRD = 0x0E82


def codes(vehicle: Vehicle, number: int) -> list[int]:
    """Return the routing activation codes sent to a socket."""
    return [
        int(message.response_code)
        for message in vehicle.said(number)
        if isinstance(message, RoutingActivationResponse)
    ]


def activate(
    source: int = TESTER, kind: int = 0, oem: int | None = None
) -> RoutingActivationRequest:
    return RoutingActivationRequest(source, kind, vm_specific=oem)


def with_settings(**changes: object) -> EntitySettings:
    # Any mapping of field names: replace() checks the names at run time.
    return dataclasses.replace(SETTINGS, **changes)  # type: ignore[arg-type]


def test_activation_is_answered_and_reported() -> None:
    vehicle = Vehicle()
    number = vehicle.connect()
    vehicle.feed(number, activate(oem=0x01020304))
    assert vehicle.sent[number].hex() == "02fd0006000000090e8010001000000000"
    assert vehicle.events == [RoutingActivated(number, TESTER, 0, bytes.fromhex("01020304"))]


def test_asking_again_is_granted_again() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, activate())
    assert codes(vehicle, number) == [0x10]
    assert number not in vehicle.closed


@pytest.mark.parametrize(
    ("settings", "request_", "code"),
    [
        (SETTINGS, activate(0x0DFF), 0x00),
        (SETTINGS, activate(0x1000), 0x00),
        (with_settings(authentication=expect_key(7)), activate(), 0x04),
        (with_settings(authentication=expect_key(7)), activate(oem=8), 0x04),
        (SETTINGS, activate(kind=0xE0), 0x06),
        (SETTINGS, activate(kind=0x77), 0x06),
        (with_settings(require_tls=True), activate(), 0x07),
    ],
)
def test_denials_say_why_and_close(
    settings: EntitySettings, request_: RoutingActivationRequest, code: int
) -> None:
    vehicle = Vehicle(settings)
    number = vehicle.connect()
    vehicle.feed(number, request_)
    assert codes(vehicle, number) == [code]
    assert vehicle.events == [ConnectionEnding(number, CloseReason.DENIED)]
    assert vehicle.entity.open_sockets == 0


@pytest.mark.parametrize(
    ("settings", "request_", "secure"),
    [
        (with_settings(authentication=expect_key(7)), activate(oem=7), False),
        (with_settings(activation_types=frozenset({0xE0})), activate(kind=0xE0), False),
        (with_settings(require_tls=True), activate(), True),
    ],
)
def test_the_same_rules_met(
    settings: EntitySettings, request_: RoutingActivationRequest, *, secure: bool
) -> None:
    vehicle = Vehicle(settings)
    number = vehicle.connect(secure=secure)
    vehicle.feed(number, request_)
    assert codes(vehicle, number) == [0x10]


def test_another_source_on_a_registered_socket_is_denied_02() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    vehicle.feed(number, activate(OTHER))
    assert codes(vehicle, number) == [0x02]
    assert number in vehicle.closed


def test_same_source_elsewhere_is_denied_03_once_the_old_socket_lives() -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate())
    assert vehicle.said(old) == [AliveCheckRequest()]
    assert vehicle.said(new) == []
    vehicle.advance_to(vehicle.now + 0.499)
    vehicle.feed(old, AliveCheckResponse(TESTER))
    assert codes(vehicle, new) == [0x03]
    assert vehicle.closed == {new}


def test_same_source_elsewhere_replaces_a_dead_socket_after_500_ms() -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate())
    vehicle.advance_to(vehicle.now + 0.499)
    assert not vehicle.closed
    vehicle.advance_to(vehicle.now + 0.001)
    assert vehicle.closed == {old}
    assert codes(vehicle, new) == [0x10]
    assert ConnectionEnding(old, CloseReason.ALIVE_CHECK) in vehicle.events


@pytest.mark.parametrize("words", [AliveCheckResponse(OTHER), AliveCheckRequest(), activate()])
def test_only_the_right_alive_check_response_counts(words: AliveCheckResponse) -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate())
    vehicle.feed(old, words)
    vehicle.advance_to(vehicle.now + 0.5)
    assert vehicle.closed == {old}
    assert codes(vehicle, new) == [0x10]


def test_the_old_socket_going_by_itself_makes_room_at_once() -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate())
    vehicle.entity.disconnected(old, vehicle.now)
    vehicle.pump()
    assert codes(vehicle, new) == [0x10]


def test_all_sockets_busy_is_denied_01_when_all_of_them_live() -> None:
    vehicle = Vehicle()
    first, second = vehicle.activated(TESTER), vehicle.activated(OTHER)
    third = vehicle.connect()
    vehicle.feed(third, activate(THIRD))
    assert vehicle.said(first) == vehicle.said(second) == [AliveCheckRequest()]
    vehicle.feed(first, AliveCheckResponse(TESTER))
    assert codes(vehicle, third) == []
    vehicle.feed(second, AliveCheckResponse(OTHER))
    assert codes(vehicle, third) == [0x01]
    assert vehicle.closed == {third}


def test_all_sockets_busy_takes_the_place_of_the_silent_one() -> None:
    vehicle = Vehicle()
    first, second = vehicle.activated(TESTER), vehicle.activated(OTHER)
    third = vehicle.connect()
    vehicle.feed(third, activate(THIRD))
    vehicle.feed(first, AliveCheckResponse(TESTER))
    vehicle.advance_to(vehicle.now + 0.5)
    assert vehicle.closed == {second}
    assert codes(vehicle, third) == [0x10]


def test_two_new_sockets_for_one_dead_source_leave_one_winner() -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new, newer = vehicle.connect(), vehicle.connect()
    vehicle.feed(new, activate())
    vehicle.feed(newer, activate())
    vehicle.advance_to(vehicle.now + 0.5)
    assert vehicle.closed == {old}
    assert vehicle.said(new) == [
        RoutingActivationResponse(TESTER, 0x1000, 0x10),
        AliveCheckRequest(),
    ]
    vehicle.feed(new, AliveCheckResponse(TESTER))
    assert codes(vehicle, newer) == [0x03]


def test_a_request_repeated_while_it_waits_is_answered_once() -> None:
    vehicle = Vehicle()
    vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate(), activate())
    vehicle.advance_to(vehicle.now + 0.5)
    assert codes(vehicle, new) == [0x10]


def test_a_waiting_request_that_goes_away_is_forgotten() -> None:
    vehicle = Vehicle()
    old = vehicle.activated()
    new = vehicle.connect()
    vehicle.feed(new, activate())
    vehicle.entity.disconnected(new, vehicle.now)
    vehicle.feed(old, AliveCheckResponse(TESTER))
    assert vehicle.closed == set()
    assert vehicle.sent.get(new) is None


def test_a_stranger_without_the_key_disturbs_nobody() -> None:
    vehicle = Vehicle(with_settings(authentication=expect_key(7)))
    old = vehicle.activated(vm_specific=7)
    stranger = vehicle.connect()
    vehicle.feed(stranger, activate(oem=8))
    assert codes(vehicle, stranger) == [0x04]
    assert vehicle.said(old) == []


CONFIRMED = with_settings(confirmed_types=frozenset({0xE0}))


def confirming(vehicle: Vehicle) -> int:
    number = vehicle.connect()
    vehicle.feed(number, activate(kind=0xE0))
    assert codes(vehicle, number) == [0x11]
    assert vehicle.events == [ConfirmationWanted(number, TESTER, 0xE0)]
    return number


def test_confirmation_agreed_is_10_after_11() -> None:
    vehicle = Vehicle(CONFIRMED)
    number = confirming(vehicle)
    vehicle.feed(number, activate(kind=0xE0))
    assert codes(vehicle, number) == [0x11]
    vehicle.entity.confirm(number, vehicle.now, agreed=True)
    vehicle.pump()
    assert codes(vehicle, number) == [0x10]
    assert vehicle.events[-1] == RoutingActivated(number, TESTER, 0xE0, b"")


def test_confirmation_rejected_is_05_and_closes() -> None:
    vehicle = Vehicle(CONFIRMED)
    number = confirming(vehicle)
    vehicle.entity.confirm(number, vehicle.now, agreed=False)
    vehicle.pump()
    assert codes(vehicle, number) == [0x05]
    assert number in vehicle.closed
    vehicle.entity.confirm(number, vehicle.now, agreed=True)  # too late, and harmless


def test_a_confirmation_may_depend_on_the_moment() -> None:
    vehicle = Vehicle(with_settings(confirmation=lambda: True))
    first = vehicle.connect()
    vehicle.feed(first, activate())
    assert codes(vehicle, first) == [0x11]
    vehicle.entity.confirm(first, vehicle.now, agreed=True)
    vehicle.pump()
    assert codes(vehicle, first) == [0x10]
    free = Vehicle(with_settings(confirmation=lambda: False))
    number = free.connect()
    free.feed(number, activate())
    assert codes(free, number) == [0x10]


def test_confirmation_nobody_asked_for_is_our_own_fault() -> None:
    vehicle = Vehicle()
    number = vehicle.activated()
    with pytest.raises(LocalProtocolError, match="no confirmation"):
        vehicle.entity.confirm(number, vehicle.now, agreed=True)


def test_a_socket_in_confirmation_holds_its_address() -> None:
    vehicle = Vehicle(CONFIRMED)
    confirming(vehicle)
    second = vehicle.connect()
    vehicle.feed(second, activate())
    assert codes(vehicle, second) == [0x03]


def test_one_socket_more_than_mcts_is_taken_and_no_other() -> None:
    vehicle = Vehicle()
    numbers = [vehicle.connect() for _ in range(3)]
    assert vehicle.entity.connected(vehicle.now) is None
    vehicle.entity.disconnected(numbers[0], vehicle.now)
    assert vehicle.entity.connected(vehicle.now) not in {None, *numbers}
