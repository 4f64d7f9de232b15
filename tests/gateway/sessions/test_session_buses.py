from __future__ import annotations

import msgspec
import pytest

from gateway.sessions.buses import BusFilter, BusOrder, _wanted
from protocols.link.vehicle import FrameFilter


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (BusFilter(0x7E8), FrameFilter(0x7E8, 0x7FF)),
        (BusFilter(0x700, 0x700), FrameFilter(0x700, 0x700)),
        (BusFilter(0x18DAF110), FrameFilter(0x18DAF110, 0x1FFFFFFF, True)),
        (BusFilter(1, extended=True), FrameFilter(1, 0x1FFFFFFF, True)),
    ],
)
def test_filters_have_the_width_of_their_identifiers(rule: BusFilter, wanted: FrameFilter) -> None:
    assert _wanted(rule) == wanted


def test_an_empty_order_is_the_connectors_own_setup() -> None:
    assert msgspec.convert({}, BusOrder) == BusOrder(None, None, False, ())
