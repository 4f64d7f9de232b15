from __future__ import annotations

import pytest

from protocols.can.frame import CanFrame
from protocols.diagnosis.exchange import CanExchange
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.uds.policy import ExchangePolicy

POLICY = ExchangePolicy(p2=0.05, margin=0.05)


def exchange(request: bytes, *ecus: int, functional: bool = False) -> CanExchange:
    addresses = tuple(IsoTpAddress.obd_11(number) for number in ecus)
    return CanExchange(1, addresses, request, POLICY, IsoTpParams(), functional=functional)


def test_it_is_over_with_its_answer_and_has_its_times() -> None:
    one = exchange(b"\x3e\x00", 0)
    one.start(5.0)
    (frame,) = one.frames_to_send()
    assert (frame.id, frame.data.hex()) == (0x7E0, "023e00cccccccccc")
    assert one.handed_out
    assert one.deadline is None
    one.frames_sent(5.01)
    assert one.deadline == pytest.approx(5.11)
    one.receive(one.legs[0], CanFrame(0x7E8, b"\x02\x7e\x00"), 5.02)
    one.settle(5.02)
    assert one.outcome is not None
    (response,) = one.outcome.responses
    assert (response.sent_at, response.received_at) == (5.01, 5.02)


def test_frames_sent_twice_or_for_nothing_change_nothing() -> None:
    one = exchange(b"\x3e\x00", 0)
    one.start(5.0)
    one.frames_sent(5.0)
    one.frames_sent(9.0)
    assert one.deadline == pytest.approx(5.1)


def test_a_connection_is_made_when_a_frame_needs_it() -> None:
    one = exchange(b"\x22\xf1\x90", 0, 1, 2, functional=True)
    one.start(5.0)
    one.frames_to_send()
    one.frames_sent(5.0)
    assert [leg.connection is not None for leg in one.legs] == [True, False, False]
    one.receive(one.legs[1], CanFrame(0x7E9, b""), 5.0)
    assert one.legs[1].connection is None
    one.receive(one.legs[1], CanFrame(0x7E9, bytes.fromhex("101462F190575657")), 5.0)
    one.settle(5.0)
    (control,) = one.frames_to_send()
    assert control.id == 0x7E1


def test_a_bus_that_is_gone_leaves_nothing_to_send() -> None:
    one = exchange(b"\x2e\x06\x00" + bytes(20), 0)
    one.start(5.0)
    one.transport_failed("pulled", 5.1)
    assert one.outcome is not None
    assert one.outcome.failure is not None
    assert one.frames_to_send() == []
    assert one.deadline is None


@pytest.mark.parametrize(("request_", "functional"), [(bytes(4096), False), (b"\x22" * 8, True)])
def test_a_check_says_what_a_start_would(request_: bytes, functional: bool) -> None:
    with pytest.raises(LocalProtocolError):
        exchange(request_, 0, functional=functional).check()
    with pytest.raises(LocalProtocolError):
        exchange(request_, 0, functional=functional).start(0.0)
    with pytest.raises(LocalProtocolError):
        exchange(b"\x3e\x00")
