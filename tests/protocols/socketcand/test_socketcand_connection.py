from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.socketcand.commands import Key, Mode
from protocols.socketcand.connection import MODE_TABLE, Connection
from protocols.socketcand.events import (
    BusOpened,
    ChannelWanted,
    Ended,
    FramesToSend,
    ModeChanged,
    PduToSend,
    SetupWanted,
    SocketcandEvent,
)
from protocols.socketcand.text import MAX_COMMAND

ONE = CanFrame(0x123, b"\x01")


def connection() -> Connection:
    made = Connection(lambda name: name == "can0")
    assert made.data_to_send() == b"< hi >"
    return made


def opened(*more: str) -> Connection:
    made = connection()
    say(made, "open can0", *more)
    made.data_to_send()
    events(made)
    return made


def mode_of(made: Connection) -> Mode:
    return made.mode  # through a function: the type checker takes properties for constants


def wanted_by(made: Connection) -> tuple[Key, ...] | None:
    return made.wanted


def say(made: Connection, *commands: str, now: float = 0.0) -> None:
    made.receive("".join(f"< {it} >" for it in commands).encode(), now)


def heard(made: Connection) -> list[str]:
    return re.findall(r"< (.*?) >", made.data_to_send().decode())


def events(made: Connection) -> list[SocketcandEvent]:
    found = []
    while (event := made.next_event()) is not None:
        found.append(event)
    return found


@given(st.sampled_from(Mode), st.sampled_from(Mode))
def test_the_table_leads_to_what_was_asked_or_nowhere(state: Mode, trigger: Mode) -> None:
    if MODE_TABLE.allows(state, trigger):
        assert MODE_TABLE.step(state, trigger) is trigger
    else:
        with pytest.raises(LocalProtocolError):
            MODE_TABLE.step(state, trigger)
    assert MODE_TABLE.reachable() == frozenset(Mode)


@given(st.lists(st.binary(max_size=40) | st.sampled_from(
    [b"< open can0 >", b"< rawmode >", b"< isotpmode >", b"< send 1 1 2 >", b"< statistics 0 >"]
)))  # fmt: skip
def test_nothing_a_client_says_raises(chunks: list[bytes]) -> None:
    made = connection()
    for chunk in chunks:
        made.receive(chunk, 0.0)
    made.handle_deadline(1.0)


def test_a_bus_is_opened_and_a_wrong_one_ends_the_connection() -> None:
    made = connection()
    say(made, "open can0", "open can0", "echo")
    assert heard(made) == ["ok", "error unknown command", "echo"]
    assert events(made) == [BusOpened("can0")]
    assert mode_of(made) is Mode.BCM
    made = connection()
    say(made, "rawmode", "echo", "open can1", "open can0")
    assert heard(made)[-1] == "error could not open bus"
    assert isinstance(events(made)[-1], Ended)
    assert mode_of(made) is Mode.NO_BUS
    say(made, "open can0")
    assert heard(made) == []


def test_a_bus_is_set_up_before_anything_else_is_heard() -> None:
    made = connection()
    say(made, "can0 B 250000 0 0 0 0 0 0 0", "can0 C 1 0 0", "open can0", "echo")
    assert heard(made) == []
    assert events(made) == [SetupWanted("can0", 250_000, None)]
    made.set_up(0.0)
    assert heard(made) == ["ok"]
    assert events(made) == [SetupWanted("can0", None, True)]
    made.set_up(0.0)
    assert heard(made) == ["ok", "ok", "echo"]
    assert events(made) == [BusOpened("can0")]
    say(made, "can0 B 250000 0 0 0 0 0 0 0")
    assert heard(made) == ["error unknown command"]  # too late: it is open


def test_a_bus_that_cannot_be_set_up_ends_the_connection() -> None:
    made = connection()
    say(made, "can0 B 250000 0 0 0 0 0 0 0", "open can0")
    events(made)
    made.fail_setup("configuring interface can0")
    assert heard(made) == ["error configuring interface can0"]
    assert events(made) == [Ended("configuring interface can0")]
    say(made, "open can0")
    assert heard(made) == []


def test_a_command_without_end_ends_the_connection() -> None:
    made = opened()
    made.receive(b"<" + bytes(MAX_COMMAND), 0.0)
    assert isinstance(events(made)[-1], Ended)


def test_raw_mode_shows_every_frame_but_ones_own() -> None:
    made = opened()
    assert wanted_by(made) is None
    say(made, "rawmode", "send 123 1 1", "send 124 0")
    assert heard(made) == ["ok"]
    assert events(made) == [
        ModeChanged(Mode.RAW),
        FramesToSend((ONE, CanFrame(0x124))),
    ]
    assert wanted_by(made) == ()
    other = CanFrame(0x7E8, b"\x02\x7e\x00", timestamp_us=1_500_000)
    made.show([ONE, other, ONE], 0.1, 1_000_000)
    assert heard(made) == ["frame 7E8 2.500000 027E00", "frame 123 1.000000 01"]
    assert (made.received, made.received_bytes, made.sent, made.sent_bytes) == (3, 5, 2, 1)


def test_modes_have_their_own_commands_and_switching_clears_them() -> None:
    made = opened("subscribe 0 0 123", "add 1 0 123 0")
    assert wanted_by(made) == ((0x123, False),)
    assert made.next_deadline() is not None
    say(made, "rawmode", "subscribe 0 0 123", "statistics 1000", "bcmmode")
    assert heard(made) == ["ok", "error unknown command", "error unknown command", "ok"]
    assert wanted_by(made) is None
    assert made.next_deadline() is None


def test_cyclic_frames_and_subscriptions() -> None:
    made = opened()
    say(made, "add 0 500000 123 1 1", "subscribe 1 0 7E8", now=1.0)
    assert events(made) == [FramesToSend((ONE,))]
    made.handle_deadline(1.5)
    assert events(made) == [FramesToSend((ONE,))]
    answer = CanFrame(0x7E8, b"\x01\x02", timestamp_us=5)
    made.show([answer, answer, ONE], 1.5, 0)
    assert heard(made) == ["frame 7E8 0.000005 01 02 "]
    say(made, "update 123 0", "delete 123", now=1.6)
    assert made.next_deadline() == 2.5  # the throttle
    made.handle_deadline(2.5)
    assert heard(made) == ["frame 7E8 0.000005 01 02 "]
    say(made, "unsubscribe 7E8")
    assert wanted_by(made) is None


def test_statistics_count_and_end_with_their_mode() -> None:
    made = opened("send 123 1 1", "controlmode")
    assert wanted_by(made) is None
    say(made, "statistics 500", now=1.0)
    assert wanted_by(made) == ()
    made.show([ONE, ONE], 1.1, 0)
    made.handle_deadline(1.4)
    assert heard(made) == []
    made.handle_deadline(1.5)
    assert heard(made) == ["stat 2 2 1 1"]
    assert made.next_deadline() == 2.0
    say(made, "statistics 0")
    assert made.next_deadline() is None
    say(made, "statistics 500", "rawmode", now=3.0)
    assert made.next_deadline() is None


def test_a_channel_is_configured_before_it_is_used() -> None:
    made = opened("isotpmode")
    say(made, "sendpdu 3E00", "isotpconf 7E0 7E8 1 0 0", "isotpconf 7E0 7E8 0 0 0", "sendpdu 3E00")
    refusals = heard(made)
    assert [it.split()[:2] for it in refusals] == [["error", "no"], ["error", "no"]]
    channel, message = events(made)
    assert isinstance(channel, ChannelWanted)
    assert message == PduToSend(b"\x3e\x00")
    made.show_pdu(b"\x7e\x00", 2_000_001)
    assert heard(made) == ["pdu 2.000001 7E00"]
    say(made, "isotpconf 7E0 7E8 0 0 0")
    assert heard(made)[0].startswith("error the channel is configured")
    made.drop_channel("no such bus")
    say(made, "sendpdu 3E00", "rawmode")
    made.show_pdu(b"\x7e\x00", 2_000_001)
    assert heard(made)[-1] == "ok"  # what comes late is nobody's
