"""How a tester speaks ISO-TP: on a bus, and with a control unit that wants it otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from protocols.errors import LocalProtocolError
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import BusInfo, IsoTpOptions

#: Longest payload sent and taken, bytes: far beyond the 4095 of a first frame without the escape
#: form, and several answers still fit into one message of the link. Longer data are a transfer's.
MAX_PAYLOAD = 0x3_FFFF

#: Stands for "no padding" in :class:`IsoTpOptions`.
NO_PADDING = -1

_T = TypeVar("_T")


def bus_params(bus: BusInfo) -> IsoTpParams:
    """Return how a tester speaks ISO-TP on a bus."""
    if bus.kind != "can-fd":
        return IsoTpParams(max_frame_size=MAX_PAYLOAD)
    return IsoTpParams(
        can_fd=True,
        bitrate_switch=bus.data_bitrate > 0,
        tx_data_length=64,
        max_frame_size=MAX_PAYLOAD,
    )


def params_for(params: IsoTpParams, options: IsoTpOptions | None, *, fd: bool) -> IsoTpParams:
    """Return how ISO-TP is spoken with one control unit.

    Args:
        params: how it is spoken on the bus.
        options: what is different.
        fd: the bus carries CAN-FD.

    Raises:
        LocalProtocolError: a value that the standard does not know, or CAN-FD on a classic bus.
    """
    if options is None:
        return params
    wide = _chosen(options.fd, params.can_fd)
    if wide and not fd:
        raise LocalProtocolError("this bus carries classic CAN only: leave fd out")
    padding = _chosen(options.padding, params.padding)
    return replace(
        params,
        can_fd=wide,
        bitrate_switch=_chosen(options.brs, params.bitrate_switch and wide),
        tx_data_length=_chosen(options.tx_dl, params.tx_data_length if wide else 8),
        padding=None if padding == NO_PADDING else padding,
        stmin=_chosen(options.stmin, params.stmin),
        blocksize=_chosen(options.block_size, params.blocksize),
        wftmax=_chosen(options.wait_limit, params.wftmax),
    )


def _chosen(option: _T | None, otherwise: _T) -> _T:
    return otherwise if option is None else option
