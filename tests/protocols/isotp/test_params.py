"""Parameters: what the standard does not know is refused, the rest reaches can-isotp."""

from typing import Any

import pytest
from isotp.protocol import TransportLayerLogic

from protocols.errors import LocalProtocolError
from protocols.isotp.params import IsoTpParams


@pytest.mark.parametrize(
    "wrong",
    [
        {"stmin": 0x80},
        {"stmin": 0xF0},
        {"stmin": 0xFA},
        {"stmin": -1},
        {"blocksize": 256},
        {"padding": 256},
        {"tx_data_length": 7},
        {"tx_data_length": 65, "can_fd": True},
        {"tx_data_length": 64},
        {"bitrate_switch": True},
        {"max_frame_size": 0},
        {"max_frame_size": 2**32},
        {"wftmax": -1},
        {"n_bs": 0.0},
        {"n_cr": -1.0},
    ],
)
def test_what_the_standard_does_not_know_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        IsoTpParams(**wrong)


@pytest.mark.parametrize("stmin", [0, 0x7F, 0xF1, 0xF9])
def test_every_separation_time_of_the_standard_can_be_asked_for(stmin: int) -> None:
    assert IsoTpParams(stmin=stmin).to_isotp()["stmin"] == stmin


def test_can_isotp_accepts_them_without_sleeping() -> None:
    params = TransportLayerLogic.Params()
    settings = IsoTpParams(
        can_fd=True, bitrate_switch=True, tx_data_length=64, n_bs=0.0755, n_cr=0.15
    )
    for key, value in settings.to_isotp().items():
        params.set(key, value, validate=False)
    params.validate()
    assert params.tx_data_length == 64
    assert (params.rx_flowcontrol_timeout, params.rx_consecutive_frame_timeout) == (76, 150)
    assert params.tx_data_min_length == 8
    params.wait_func(3600.0)  # would not end within this test
