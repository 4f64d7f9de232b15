"""A tester and an ECU back to back on virtual time, golden frames, and bad wires."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.connection import BURST, MAX_EVENTS, IsoTpConnection
from protocols.isotp.events import (
    FaultReason,
    IsoTpEvent,
    PayloadReceived,
    PayloadSent,
    ReceptionStarted,
    TransportFault,
)
from protocols.isotp.params import IsoTpParams

ADDRESS = IsoTpAddress.obd_11(0)
BARE = IsoTpParams(padding=None)
FD = IsoTpParams(can_fd=True, bitrate_switch=True, tx_data_length=64, max_frame_size=5000)
Wire = Callable[[list[CanFrame]], Iterable[CanFrame]]


def a_tester(params: IsoTpParams = BARE) -> IsoTpConnection:
    return IsoTpConnection(ADDRESS, params)


def an_ecu(params: IsoTpParams = BARE) -> IsoTpConnection:
    return IsoTpConnection(ADDRESS.mirrored(), params)


def answer(data: str) -> CanFrame:
    return CanFrame(0x7E8, bytes.fromhex(data))


def request(data: str, identifier: int = 0x7E0) -> CanFrame:
    return CanFrame(identifier, bytes.fromhex(data))


def hexes(connection: IsoTpConnection) -> list[str]:
    return [frame.data.hex().upper() for frame in connection.frames_to_send()]


def events(connection: IsoTpConnection) -> list[IsoTpEvent]:
    found = []
    while (event := connection.next_event()) is not None:
        found.append(event)
    return found


def faults(connection: IsoTpConnection) -> list[FaultReason]:
    return [event.reason for event in events(connection) if isinstance(event, TransportFault)]


def whole(frames: list[CanFrame]) -> Iterable[CanFrame]:
    return frames


def run(a: IsoTpConnection, b: IsoTpConnection, now: float, wire: Wire = whole) -> float:
    """Carry frames both ways and time forward until nothing is left to happen; return the time."""
    while True:
        moved = False
        for sender, receiver in ((a, b), (b, a)):
            frames = sender.frames_to_send()
            moved |= bool(frames)
            for frame in wire(frames):
                receiver.receive(frame, now)
        if moved:
            continue
        due = [d for d in (a.next_deadline(), b.next_deadline()) if d is not None]
        if not due:
            return now
        now = max(now, min(due))
        a.handle_deadline(now)
        b.handle_deadline(now)


# ---------------------------------------------------------------- golden frames


def test_a_single_frame() -> None:
    sender = a_tester()
    sender.send(b"\x22\xf1\x90", 0.0)
    assert hexes(sender) == ["0322F190"]
    assert events(sender) == [PayloadSent()]
    assert not sender.sending
    padded = a_tester(IsoTpParams(padding=0x55))
    padded.send(b"\x3e\x00", 0.0)
    assert hexes(padded) == ["023E005555555555"]


def test_a_first_frame_flow_control_and_consecutive_frames() -> None:
    sender, receiver = a_tester(), an_ecu(IsoTpParams(padding=None, blocksize=2, stmin=0xF1))
    sender.send(bytes(range(30)), 0.0)
    (first,) = sender.frames_to_send()
    assert first == CanFrame(0x7E0, bytes.fromhex("101E000102030405"))
    assert receiver.receive(first, 0.0)
    assert hexes(receiver) == ["3002F1"]
    assert events(receiver) == [ReceptionStarted(30)]
    assert receiver.receiving
    sender.receive(answer("300000"), 0.0)
    assert hexes(sender) == [
        "21060708090A0B0C",
        "220D0E0F10111213",
        "231415161718191A",
        "241B1C1D",
    ]


def test_the_longest_plain_and_the_first_escaped_length() -> None:
    sender = a_tester(IsoTpParams(padding=None, max_frame_size=70_000))
    sender.send(bytes(4095), 0.0)
    assert hexes(sender) == ["1FFF000000000000"]
    sender.abort(0.0)
    sender.send(bytes(4096), 0.0)
    assert hexes(sender) == ["1000000010000000"]
    sender.receive(answer("300000"), 0.0)
    assert len(sender.frames_to_send()) == -(-4094 // 7)


def test_can_fd_frames() -> None:
    sender = a_tester(FD)
    sender.send(bytes(range(20)), 0.0)
    (frame,) = sender.frames_to_send()
    assert (frame.fd, frame.brs) == (True, True)
    assert frame.data == b"\x00\x14" + bytes(range(20)) + b"\xcc\xcc"
    sender.send(b"\x3e\x00", 0.0)
    assert hexes(sender) == ["023E00CCCCCCCCCC"]
    sender.send(bytes(63), 0.0)
    assert hexes(sender) == ["103F" + "00" * 62]
    sender.receive(answer("300000"), 0.0)
    assert hexes(sender) == ["2100CCCCCCCCCCCC"]
    sender.send(bytes(5000), 0.0)
    assert hexes(sender)[0].startswith("100000001388")


@pytest.mark.parametrize("params", [BARE, FD, IsoTpParams(blocksize=8, stmin=1)])
@pytest.mark.parametrize("size", [1, 6, 7, 8, 61, 62, 63, 64, 500, 4095])
def test_every_length_arrives(params: IsoTpParams, size: int) -> None:
    payload = bytes(i & 0xFF for i in range(size))
    a, b = a_tester(params), an_ecu(params)
    a.send(payload, 0.0)
    run(a, b, 0.0)
    assert events(a) == [PayloadSent()]
    assert events(b)[-1] == PayloadReceived(payload)
    assert (a.next_deadline(), b.next_deadline()) == (None, None)


def test_both_directions_at_once_do_not_disturb_each_other() -> None:
    a, b = a_tester(), an_ecu(IsoTpParams(padding=None, blocksize=3))
    a.send(bytes(100), 0.0)
    b.send(bytes(90), 0.0)
    run(a, b, 0.0)
    assert set(events(a)) == {ReceptionStarted(90), PayloadSent(), PayloadReceived(bytes(90))}
    assert set(events(b)) == {ReceptionStarted(100), PayloadSent(), PayloadReceived(bytes(100))}


# ---------------------------------------------------------------- timers, to the microsecond


def test_n_bs_is_exactly_one_second() -> None:
    sender = a_tester()
    sender.send(bytes(20), 7.0)
    sender.frames_to_send()
    assert sender.next_deadline() == 8.0
    sender.handle_deadline(7.999999)
    assert events(sender) == []
    sender.handle_deadline(8.0)
    assert faults(sender) == [FaultReason.FLOW_CONTROL_TIMEOUT]
    assert (sender.sending, sender.next_deadline()) == (False, None)
    sender.send(b"\x3e\x00", 8.0)
    assert hexes(sender) == ["023E00"]


def test_a_flow_control_at_the_last_moment_counts_and_one_at_the_deadline_does_not() -> None:
    for moment, reasons in ((0.999999, []), (1.0, [FaultReason.FLOW_CONTROL_TIMEOUT])):
        sender = a_tester()
        sender.send(bytes(20), 0.0)
        sender.receive(answer("300000"), moment)
        assert faults(sender) == reasons


def test_n_bs_runs_again_after_each_block() -> None:
    sender = a_tester()
    sender.send(bytes(100), 0.0)
    sender.receive(answer("300200"), 0.25)
    assert len(sender.frames_to_send()) == 3
    assert sender.next_deadline() == 1.25


def test_n_cr_is_exactly_one_second_after_each_frame() -> None:
    receiver = an_ecu()
    receiver.receive(request("101E000102030405"), 3.0)
    assert receiver.next_deadline() == 4.0
    receiver.receive(request("21060708090A0B0C"), 3.9)
    assert receiver.next_deadline() == 4.9
    receiver.handle_deadline(4.899999)
    assert receiver.receiving
    receiver.handle_deadline(4.9)
    assert faults(receiver) == [FaultReason.CONSECUTIVE_FRAME_TIMEOUT]
    assert (receiver.receiving, receiver.next_deadline()) == (False, None)


def test_a_late_consecutive_frame_finds_the_reception_ended() -> None:
    receiver = an_ecu()
    receiver.receive(request("101E000102030405"), 0.0)
    receiver.receive(request("21060708090A0B0C"), 1.0)
    assert faults(receiver) == [FaultReason.CONSECUTIVE_FRAME_TIMEOUT]
    assert receiver.ignored == 1


def test_timeouts_follow_the_parameters() -> None:
    quick = IsoTpParams(n_bs=0.075, n_cr=0.15)
    a, b = a_tester(quick), an_ecu(quick)
    a.send(bytes(20), 0.0)
    b.receive(a.frames_to_send()[0], 0.0)
    assert (a.next_deadline(), b.next_deadline()) == (0.075, 0.15)


@pytest.mark.parametrize(
    ("stmin", "seconds"),
    [(0x01, 0.001), (0x7F, 0.127), (0xF1, 0.0001), (0xF9, 0.0009), (0x80, 0.127), (0xFA, 0.127)],
)
def test_consecutive_frames_keep_the_separation_time(stmin: int, seconds: float) -> None:
    sender = a_tester()
    sender.send(bytes(27), 0.0)
    sender.frames_to_send()
    now = 0.5
    sender.receive(answer(f"3000{stmin:02X}"), now)
    moments = []
    while (due := sender.next_deadline()) is not None:
        sender.handle_deadline(due - 1e-6)
        assert sender.frames_to_send() == []
        sender.handle_deadline(due)
        moments += [due] * len(sender.frames_to_send())
    assert moments == pytest.approx([now + seconds * n for n in (1, 2, 3)])
    assert events(sender) == [PayloadSent()]


def test_wait_restarts_n_bs_until_there_were_too_many() -> None:
    sender = a_tester(IsoTpParams(wftmax=2))
    sender.send(bytes(20), 0.0)
    sender.receive(answer("310000"), 0.9)
    assert sender.next_deadline() == 1.9
    sender.receive(answer("310000"), 1.8)
    assert events(sender) == []
    sender.receive(answer("310000"), 2.7)
    assert faults(sender) == [FaultReason.TOO_MANY_WAITS]
    assert not sender.sending


def test_where_no_wait_is_obeyed_the_first_one_ends_the_sending() -> None:
    sender = a_tester(IsoTpParams(wftmax=0))
    sender.send(bytes(20), 0.0)
    sender.receive(answer("310000"), 0.5)
    assert faults(sender) == [FaultReason.TOO_MANY_WAITS]
    assert not sender.sending


def test_go_after_wait_counts_waits_anew() -> None:
    sender = a_tester(IsoTpParams(wftmax=1))
    sender.send(bytes(60), 0.0)
    for _ in range(3):
        sender.receive(answer("310000"), 0.0)
        sender.receive(answer("300100"), 0.0)
    assert events(sender) == []
    assert len(sender.frames_to_send()) == 4


# ---------------------------------------------------------------- what peers do wrong


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ("320000", FaultReason.PEER_OVERFLOW),
        ("330000", FaultReason.INVALID_FLOW_STATUS),
        ("3F0000", FaultReason.INVALID_FLOW_STATUS),
    ],
)
def test_a_flow_control_can_end_the_sending(control: str, reason: FaultReason) -> None:
    sender = a_tester()
    sender.send(bytes(20), 0.0)
    sender.receive(answer(control), 0.0)
    assert faults(sender) == [reason]
    assert (sender.sending, sender.next_deadline()) == (False, None)


@pytest.mark.parametrize("control", ["300000", "310000", "320000", "330000", "300080"])
def test_flow_control_out_of_place_changes_nothing(control: str) -> None:
    sender = a_tester()
    sender.receive(answer(control), 0.0)
    sender.send(bytes(27), 0.0)
    sender.receive(answer("300001"), 0.0)
    due = sender.next_deadline()
    sender.receive(answer(control), 0.0)
    assert (events(sender), sender.ignored, sender.next_deadline()) == ([], 2, due)
    assert sender.sending


def test_a_wrong_sequence_number_ends_the_reception() -> None:
    receiver = an_ecu()
    receiver.receive(request("101E000102030405"), 0.0)
    receiver.receive(request("22060708090A0B0C"), 0.0)
    assert faults(receiver) == [FaultReason.WRONG_SEQUENCE_NUMBER]
    assert (receiver.receiving, receiver.next_deadline()) == (False, None)


def test_a_new_first_frame_ends_the_old_reception_and_begins_its_own() -> None:
    receiver = an_ecu()
    receiver.receive(request("101E000102030405"), 0.0)
    receiver.receive(request("1009000102030405"), 0.5)
    found = events(receiver)
    assert [type(event) for event in found] == [ReceptionStarted, TransportFault, ReceptionStarted]
    assert hexes(receiver) == ["300000", "300000"]
    receiver.receive(request("21060708"), 0.5)
    assert events(receiver) == [PayloadReceived(bytes(range(9)))]


def test_a_single_frame_ends_the_old_reception_and_is_delivered() -> None:
    receiver = an_ecu()
    receiver.receive(request("101E000102030405"), 0.0)
    events(receiver)
    receiver.receive(request("023E00"), 0.0)
    fault, payload = events(receiver)
    assert isinstance(fault, TransportFault)
    assert fault.reason is FaultReason.INTERRUPTED
    assert payload == PayloadReceived(b"\x3e\x00")
    assert receiver.next_deadline() is None


def test_a_first_frame_that_is_too_long_is_answered_with_overflow() -> None:
    receiver = an_ecu(IsoTpParams(padding=None, max_frame_size=100))
    receiver.receive(request("1065000102030405"), 0.0)
    assert hexes(receiver) == ["320000"]
    assert faults(receiver) == [FaultReason.TOO_LONG]
    receiver.receive(request("10000FFFFFFF0001"), 0.0)
    assert hexes(receiver) == ["320000"]
    assert receiver.next_deadline() is None


@pytest.mark.parametrize(
    "junk",
    [
        "00",  # no length
        "0000",  # escape without need
        "0002AABB",  # escape on a classic frame
        "08",  # longer than a frame
        "05AABB",  # longer than this frame
        "1007000102030405",  # would fit a single frame
        "100000000FFF0001",  # escape for 4095 exactly
        "100A00",  # first frame that is not full
        "40",  # unknown type
        "F0112233",
        "30",  # flow control that is cut off
        "3000",
        "",
    ],
)
def test_impossible_frames_are_ignored_and_disturb_no_reception(junk: str) -> None:
    receiver = an_ecu()
    receiver.receive(request("1009000102030405"), 0.0)
    assert (events(receiver), hexes(receiver)) == ([ReceptionStarted(9)], ["300000"])
    receiver.receive(request(junk), 0.0)
    assert (events(receiver), hexes(receiver)) == ([], [])
    receiver.receive(request("21060708"), 0.0)
    assert events(receiver) == [PayloadReceived(bytes(range(9)))]


def test_a_consecutive_frame_without_a_first_one_is_ignored() -> None:
    receiver = an_ecu()
    receiver.receive(request("21AABB"), 0.0)
    assert (events(receiver), receiver.ignored) == ([], 1)


def test_a_long_can_fd_single_frame_needs_the_escape_form() -> None:
    receiver = an_ecu(FD)
    receiver.receive(CanFrame(0x7E0, b"\x05" + bytes(11), fd=True), 0.0)
    assert (events(receiver), receiver.ignored) == ([], 1)


def test_frames_for_others_are_refused_and_change_nothing() -> None:
    receiver = an_ecu()
    assert not receiver.receive(request("023E00", 0x7E1), 0.0)
    assert not receiver.receive(CanFrame(0x7E0, b"\x02\x3e\x00", extended=True), 0.0)
    assert (events(receiver), receiver.ignored) == ([], 0)


# ---------------------------------------------------------------- functional requests


def test_a_functional_request_reaches_every_ecu_and_says_so() -> None:
    sender, receiver = a_tester(), an_ecu()
    sender.send(b"\x3e\x80", 0.0, functional=True)
    (frame,) = sender.frames_to_send()
    assert frame == CanFrame(0x7DF, b"\x02\x3e\x80")
    assert events(sender) == [PayloadSent()]
    assert receiver.receive(frame, 0.0)
    assert events(receiver) == [PayloadReceived(b"\x3e\x80", functional=True)]


def test_a_functional_request_disturbs_no_reception() -> None:
    receiver = an_ecu()
    receiver.receive(request("1009000102030405"), 0.0)
    receiver.receive(request("023E80", 0x7DF), 0.0)
    receiver.receive(request("1009000102030405", 0x7DF), 0.0)
    receiver.receive(request("21060708"), 0.0)
    assert [e for e in events(receiver) if isinstance(e, PayloadReceived)] == [
        PayloadReceived(b"\x3e\x80", functional=True),
        PayloadReceived(bytes(range(9))),
    ]
    assert receiver.ignored == 1


def test_a_functional_request_can_overtake_a_payload_on_its_way() -> None:
    sender = a_tester()
    sender.send(bytes(20), 0.0)
    sender.send(b"\x3e\x80", 0.0, functional=True)
    assert hexes(sender) == ["1014000000000000", "023E80"]
    assert sender.sending


def test_functional_addresses_with_a_first_byte() -> None:
    address = IsoTpAddress.mixed_29(0x10, 0xF1, 0x22)
    sender = IsoTpConnection(address, BARE)
    sender.send(bytes(6), 0.0, functional=True)
    assert sender.frames_to_send() == [CanFrame(0x18CD33F1, b"\x22\x06" + bytes(6), extended=True)]
    with pytest.raises(LocalProtocolError, match="single frame"):
        sender.send(bytes(7), 0.0, functional=True)


# ---------------------------------------------------------------- bounds and misuse


def test_one_payload_at_a_time() -> None:
    sender = a_tester()
    sender.send(bytes(20), 0.0)
    with pytest.raises(LocalProtocolError, match="on its way"):
        sender.send(b"\x3e\x00", 0.0)
    assert hexes(sender) == ["1014000000000000"]


@pytest.mark.parametrize("size", [0, 4096])
def test_a_payload_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
        a_tester().send(bytes(size), 0.0)


def test_no_functional_address_no_functional_request() -> None:
    sender = IsoTpConnection(IsoTpAddress.normal_11(0x6A0, 0x6A8))
    with pytest.raises(LocalProtocolError, match="functional"):
        sender.send(b"\x3e\x80", 0.0, functional=True)


def test_a_long_block_comes_in_bounded_bursts_that_are_due_at_once() -> None:
    sender = a_tester(IsoTpParams(max_frame_size=100_000))
    sender.send(bytes(20_000), 0.0)
    sender.frames_to_send()
    sender.receive(answer("300000"), 0.5)
    sizes = [len(sender.frames_to_send())]
    while (due := sender.next_deadline()) is not None:
        assert due == 0.5
        sender.handle_deadline(due)
        sizes.append(len(sender.frames_to_send()))
    assert sizes == [BURST, BURST, -(-19_994 // 7) - 2 * BURST]
    assert events(sender) == [PayloadSent()]


def test_unread_events_are_bounded() -> None:
    receiver = an_ecu()
    for i in range(MAX_EVENTS + 10):
        receiver.receive(request(f"02{i >> 8:02X}{i & 255:02X}"), 0.0)
    kept = events(receiver)
    assert len(kept) == MAX_EVENTS
    assert kept[0] == PayloadReceived(b"\x00\x0a")


def test_abort_forgets_everything() -> None:
    a = a_tester()
    a.send(bytes(20), 0.0)
    a.receive(answer("1009000102030405"), 0.0)
    a.abort(0.0)
    assert (a.frames_to_send(), a.next_deadline(), a.sending, a.receiving) == (
        [],
        None,
        False,
        False,
    )


# ---------------------------------------------------------------- bad wires


class Deed:
    """What a wire does to its frames, drawn ahead: lose, double, swap with the next one."""

    def __init__(self, deeds: list[int]) -> None:
        self.deeds = deeds

    def __call__(self, frames: list[CanFrame]) -> Iterable[CanFrame]:
        held: CanFrame | None = None
        for frame in frames:
            deed = self.deeds.pop() if self.deeds else 0
            if deed == 3 and held is None:
                held = frame
                continue
            yield from [frame] * (0 if deed == 1 else 2 if deed == 2 else 1)
            if held is not None:
                yield held
                held = None
        if held is not None:
            yield held


@pytest.mark.slow
@given(
    payload=st.binary(min_size=1, max_size=300),
    deeds=st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3]), max_size=60),
    blocksize=st.integers(0, 5),
    stmin=st.sampled_from([0, 1]),
)
def test_whatever_the_wire_does_nothing_false_arrives_and_both_come_to_rest(
    payload: bytes, deeds: list[int], blocksize: int, stmin: int
) -> None:
    a, b = a_tester(), an_ecu(IsoTpParams(padding=None, blocksize=blocksize, stmin=stmin))
    a.send(payload, 0.0)
    ended = run(a, b, 0.0, Deed(list(deeds)))
    assert ended < 60.0
    received = [event for event in events(b) if isinstance(event, PayloadReceived)]
    single = len(payload) <= 7
    assert all(event.payload == payload for event in received)
    assert len(received) <= (2 if single else 1)
    assert not a.sending
    assert not b.receiving
    if not deeds:
        assert len(received) == 1
    later = b"\x22\xf1\x90" * 10
    a.send(later, ended)
    run(a, b, ended)
    assert events(b)[-1] == PayloadReceived(later)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from([0x7E0, 0x7DF]), st.binary(max_size=8)), max_size=30))
def test_any_frames_leave_a_connection_that_works(frames: list[tuple[int, bytes]]) -> None:
    receiver = an_ecu()
    for step, (identifier, data) in enumerate(frames):
        receiver.receive(CanFrame(identifier, data), step / 100)
    now = 10.0
    receiver.handle_deadline(now)
    receiver.frames_to_send()
    events(receiver)
    receiver.receive(request("023E00"), now)
    assert events(receiver)[-1] == PayloadReceived(b"\x3e\x00")


def test_separation_counts_from_when_a_frame_has_left() -> None:
    sender = a_tester()
    sender.send(bytes(40), 0.0)
    sender.frames_to_send()
    sender.receive(answer("30000A"), 0.0)
    assert sender.is_paced
    sender.handle_deadline(0.01)
    assert len(sender.frames_to_send()) == 1
    sender.frames_sent(0.014)
    assert sender.next_deadline() == pytest.approx(0.024)
    sender.handle_deadline(0.023)
    assert not sender.frames_to_send()
    sender.handle_deadline(0.024)
    assert len(sender.frames_to_send()) == 1
