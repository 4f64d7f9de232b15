"""Vehicle buses as operators see them and have them run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from gateway.domain.errors import Conflict, NotFound
from gateway.links.connector import LiveConnector
from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID
from protocols.link.buses import BusState
from protocols.link.vehicle import BusInfo, FrameFilter

#: Filters one bus may have; controllers have fewer, the rest is done in software.
MAX_FILTERS = 64

Identifier = Annotated[int, msgspec.Meta(ge=0, le=MAX_EXTENDED_ID)]


class BusFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frames that are let in: those whose ``id & mask`` is the same, of this format."""

    id: Identifier
    mask: Identifier = MAX_EXTENDED_ID
    extended: bool = False


class BusOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a bus is to be run until the session ends.

    Every order says everything anew: what it leaves out is as the connector was set up.

    Attributes:
        bitrate: nominal, bit/s.
        data_bitrate: of the CAN-FD data phase, bit/s.
        listen_only: send nothing; frames are not even acknowledged where the interface can.
        filters: frames that are let in, for everybody who looks at this bus, exchanges too; none
            lets everything in.
    """

    bitrate: Annotated[int, msgspec.Meta(ge=5_000, le=1_000_000)] | None = None
    data_bitrate: Annotated[int, msgspec.Meta(ge=5_000, le=8_000_000)] | None = None
    listen_only: bool = False
    filters: Annotated[tuple[BusFilter, ...], msgspec.Meta(max_length=MAX_FILTERS)] = ()


def describe(infos: Sequence[BusInfo], states: Sequence[BusState]) -> list[dict[str, object]]:
    """Return every bus as the API shows it: what it is, and how it is now."""
    by_name = {state.name: state for state in states}
    return [_face(info, by_name.get(info.name)) for info in infos]


def _face(info: BusInfo, state: BusState | None) -> dict[str, object]:
    return {
        "name": info.name,
        "kind": info.kind,
        "up": None if state is None else state.up,
        "fault": "" if state is None else state.fault,
        "bitrate": info.bitrate if state is None else state.bitrate,
        "data_bitrate": info.data_bitrate if state is None else state.data_bitrate,
        "listen_only": state is not None and state.listen_only,
        "filters": 0 if state is None else state.filters,
    }


async def configure(
    live: LiveConnector, session: str, bus: str, order: BusOrder
) -> dict[str, object]:
    """Have a bus run as ordered, and return it as the API shows it.

    Raises:
        NotFound: the connector has no such bus.
        Conflict: the bus cannot be run so, and runs as before.
        Unavailable: the connector is offline, or does not answer.
    """
    info = _find(live.capabilities.buses, bus)
    answer = await live.buses.configure(
        session,
        bus,
        bitrate=order.bitrate,
        data_bitrate=order.data_bitrate,
        listen_only=order.listen_only,
        filters=tuple(_wanted(it) for it in order.filters),
    )
    if answer.failure:
        raise Conflict(
            "bus.refused", f"Bus {bus} runs as before: {answer.detail}.", field="bitrate"
        )
    return _face(info, answer.state)


def _find(buses: Sequence[BusInfo], name: str) -> BusInfo:
    for info in buses:
        if info.name == name and info.kind != "doip":
            return info
    known = ", ".join(info.name for info in buses if info.kind != "doip") or "none"
    raise NotFound(
        "connector.unknown_bus", f"This connector has no CAN bus {name!r}; it has {known}."
    )


def _wanted(rule: BusFilter) -> FrameFilter:
    extended = rule.extended or rule.id > MAX_STANDARD_ID
    return FrameFilter(rule.id, rule.mask if extended else rule.mask & MAX_STANDARD_ID, extended)
