from __future__ import annotations

import pytest

from protocols.diagnosis.speech import MAX_PAYLOAD, NO_PADDING, bus_params, params_for
from protocols.errors import LocalProtocolError
from protocols.link.vehicle import BusInfo, IsoTpOptions

CLASSIC = bus_params(BusInfo("can0", "can", 500_000))
WIDE = bus_params(BusInfo("can1", "can-fd", 500_000, 2_000_000))


def test_a_bus_speaks_as_it_can() -> None:
    assert (CLASSIC.can_fd, CLASSIC.tx_data_length) == (False, 8)
    assert (WIDE.can_fd, WIDE.bitrate_switch, WIDE.tx_data_length) == (True, True, 64)
    assert not bus_params(BusInfo("can1", "can-fd", 500_000)).bitrate_switch
    assert CLASSIC.max_frame_size == WIDE.max_frame_size == MAX_PAYLOAD


def test_nothing_said_changes_nothing() -> None:
    assert params_for(WIDE, None, fd=True) == WIDE
    assert params_for(WIDE, IsoTpOptions(), fd=True) == WIDE


def test_a_classic_control_unit_on_a_wide_bus() -> None:
    found = params_for(WIDE, IsoTpOptions(fd=False), fd=True)
    assert (found.can_fd, found.bitrate_switch, found.tx_data_length) == (False, False, 8)


def test_every_option_is_taken_over() -> None:
    options = IsoTpOptions(True, False, 32, NO_PADDING, 0xF5, 4, 2)
    found = params_for(WIDE, options, fd=True)
    assert (found.bitrate_switch, found.tx_data_length, found.padding) == (False, 32, None)
    assert (found.stmin, found.blocksize, found.wftmax) == (0xF5, 4, 2)
    assert params_for(WIDE, IsoTpOptions(padding=0), fd=True).padding == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (IsoTpOptions(fd=True), "classic CAN only"),
        (IsoTpOptions(brs=True), "need can_fd"),
        (IsoTpOptions(tx_dl=64), "need can_fd"),
        (IsoTpOptions(stmin=0xFA), "reserved"),
    ],
)
def test_what_cannot_be_is_refused(options: IsoTpOptions, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        params_for(CLASSIC, options, fd=False)
