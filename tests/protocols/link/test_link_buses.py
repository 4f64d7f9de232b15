from __future__ import annotations

import pytest

from protocols.link.buses import BusConfigured, BusState
from protocols.link.messages import Channel, Message, StatusReport, decode_body, encode_body


@pytest.mark.parametrize(
    ("message", "golden"),
    [
        (BusConfigured(2, None, "unknown_bus"), "95 1b 02 c0 ab756e6b6e6f776e5f627573 a0"),
        (
            StatusReport(buses=(BusState("can0", True),)),
            "96 14 c0 c0 c0 c2 91 97 a463616e30 c3 a0 00 00 c2 00",
        ),
    ],
)
def test_how_buses_are_in_bytes(message: Message, golden: str) -> None:
    assert encode_body(message) == bytes.fromhex(golden)
    assert decode_body(Channel.CONTROL, bytes.fromhex(golden)) == message


def test_a_status_of_an_older_connector_has_no_buses() -> None:
    assert decode_body(Channel.CONTROL, bytes.fromhex("95 14 c0 c0 c0 c2")) == StatusReport()
