"""The simulator's command starts without what it never needs; the gateway's test runs both."""

from __future__ import annotations

import sys

from firmware_sim import quick_start


def test_nothing_is_left_hidden() -> None:
    assert quick_start.__name__ in sys.modules
    assert sys.modules.get("asammdf", "not imported") is not None
