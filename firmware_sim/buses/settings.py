"""How a bus is run: bit rates, silence, and which frames are let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import can

from protocols.can.filters import CanFilter
from protocols.can.frame import MAX_EXTENDED_ID

#: What makes an interface listen without acknowledging frames, where python-can has an option
#: for it. SocketCAN's is the interface's own (``ip link``); elsewhere the controller goes on
#: acknowledging, and only this side sends nothing.
_SILENT: Mapping[str, Mapping[str, object]] = {
    "slcan": {"listen_only": True},
    "vector": {"listen_only": True},
    "kvaser": {"driver_mode": False},
    "pcan": {"state": can.BusState.PASSIVE},
}


@dataclass(frozen=True, slots=True)
class BusSettings:
    """How a bus is run.

    Attributes:
        bitrate: bit/s; ``None`` leaves it as it is.
        data_bitrate: bit/s of the CAN-FD data phase, likewise.
        listen_only: send nothing; frames are not even acknowledged where the interface can.
        filters: frames that are let in; none lets everything in. What is left out reaches
            nobody: no monitor, no recording and no exchange.
    """

    bitrate: int | None = None
    data_bitrate: int | None = None
    listen_only: bool = False
    filters: tuple[CanFilter, ...] = ()

    def options(self, interface: str, *, fd: bool) -> dict[str, Any]:  # Any: python-can's own
        """Return these settings as python-can's interface takes them."""
        found: dict[str, Any] = {"fd": True} if fd else {}
        if self.bitrate is not None:
            found["bitrate"] = self.bitrate
        if self.data_bitrate is not None:
            found["data_bitrate"] = self.data_bitrate
        if self.listen_only:
            found |= _SILENT.get(interface, {})
        if self.filters and interface != "virtual":
            found["can_filters"] = [_python_can(rule) for rule in self.filters]
        return found


def _python_can(rule: CanFilter) -> dict[str, object]:
    return {
        "can_id": rule.id,
        "can_mask": rule.mask & MAX_EXTENDED_ID,
        "extended": rule.extended,
    }
