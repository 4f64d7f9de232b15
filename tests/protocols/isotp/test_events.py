"""Which side of a transfer a fault ended."""

from protocols.isotp.events import FaultReason


def test_a_fault_says_whether_it_ended_the_sending() -> None:
    assert {reason for reason in FaultReason if reason.sending} == {
        FaultReason.FLOW_CONTROL_TIMEOUT,
        FaultReason.INVALID_FLOW_STATUS,
        FaultReason.TOO_MANY_WAITS,
        FaultReason.PEER_OVERFLOW,
    }
