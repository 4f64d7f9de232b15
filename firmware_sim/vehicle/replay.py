"""A recording as a vehicle: its control units answer as recorded, its buses sound as recorded.

The file is what ``GET /operator/v1/sessions/{id}/recording?format=recording`` gives. A file that a
crash has cut is good as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trio

from firmware_sim.buses.can_bus import BusError, CanBus
from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.record import SpecError
from firmware_sim.vehicle.recorded_ecu import RecordedEcu, Spoken
from firmware_sim.vehicle.transport_spec import TransportSpec
from firmware_sim.vehicle.vehicle_spec import BusSpec, VehicleSpec
from firmware_sim.vehicle.vin import is_vin
from protocols.can.batch import decode_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.link.vehicle import CanTarget, DoipTarget
from protocols.recording.codec import Reader
from protocols.recording.records import Answered, Began, Exchange, Frames, Record

#: Bytes read at once.
PIECE = 1 << 16

#: The number of a vehicle whose own was never read.
UNKNOWN_VIN = "1M8GDM9AXKP042788"

#: Bit rates of buses; recordings do not have them, and simulated buses do not care.
_BITRATE, _DATA_BITRATE = 500_000, 2_000_000

#: Failures that say something about the vehicle; with others it was never asked.
_SILENT = frozenset({"no_response", "pending_too_long", "transport"})

#: Seconds between the end of the recorded frames and their beginning anew.
_AGAIN = 1.0


class ReplayError(Exception):
    """A file cannot be replayed; the text says why."""


@dataclass(slots=True)
class Replay:
    """A recorded vehicle.

    Attributes:
        path: the recording.
        spec: the vehicle as far as the recording tells.
        ecus: its control units by name.
    """

    path: Path
    spec: VehicleSpec
    ecus: dict[str, RecordedEcu]

    async def play(self, bus: CanBus, index: int) -> None:
        """Send a bus's recorded frames with their timing, again and again.

        Frames of the control units are left out: they say them when they are asked.
        """
        own = {ecu.request_id for ecu in self.spec.ecus} | {e.response_id for e in self.spec.ecus}
        while True:
            began = trio.current_time()
            first: int | None = None
            for frame in self._seen(index):
                if frame.id in own or frame.error:
                    continue
                first = frame.timestamp_us if first is None else first
                await trio.sleep_until(began + (frame.timestamp_us - first) / 1e6)
                try:
                    bus.send_nowait(frame)
                except BusError:
                    continue  # as in a vehicle: what the bus does not take is gone
            if first is None:
                return
            await trio.sleep(_AGAIN)

    def _seen(self, index: int) -> Iterator[CanFrame]:
        for record in read(self.path):
            if isinstance(record, Frames) and not record.sent:
                try:
                    batch = decode_batch(record.batch)
                except RemoteProtocolError:
                    continue
                if batch.bus == index:
                    yield from batch.frames


def read(path: Path) -> Iterator[Record]:
    """Yield the whole records of a file.

    Raises:
        ReplayError: it cannot be read, or is no recording.
    """
    reader = Reader()
    try:
        with path.open("rb") as file:
            while data := file.read(PIECE):
                yield from reader.feed(data)
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from None
    except RemoteProtocolError as error:
        raise ReplayError(f"{path}: {error}") from None


def load_replay(path: Path) -> Replay:
    """Return the vehicle of a recording.

    Raises:
        ReplayError: it is no recording, or has nobody who could answer.
    """
    learning: _Learning | None = None
    for record in read(path):
        if isinstance(record, Began):
            learning = learning or _Learning(record)
        elif isinstance(record, Exchange) and learning is not None:
            learning.take(record)
    if learning is None:
        raise ReplayError(f"{path}: the recording is empty")
    if not learning.specs:
        raise ReplayError(f"{path}: no control unit was asked anything in this recording")
    try:
        return Replay(path, learning.vehicle(), learning.ecus)
    except SpecError as error:
        raise ReplayError(f"{path}: {error}") from None


@dataclass(slots=True)
class _Learning:
    """What is known of the vehicle so far."""

    began: Began
    specs: dict[str, EcuSpec] = field(default_factory=dict)
    ecus: dict[str, RecordedEcu] = field(default_factory=dict)

    @property
    def vin(self) -> str:
        known = self.began.vin
        return known if known is not None and is_vin(known) else UNKNOWN_VIN

    def take(self, exchange: Exchange) -> None:
        target = exchange.target
        physical = self._physical(target)
        if physical is not None:
            name = self._meet(physical)
            self._learn(name, exchange, exchange.answers[:1])
            return
        for answer in exchange.answers:
            spec = self._answering(exchange, answer)
            if spec is not None:
                self._learn(self._meet(spec), exchange, (answer,), functional=True)

    def _physical(self, target: object) -> EcuSpec | None:
        match target:
            case DoipTarget(logical_address=address, functional=False):
                return EcuSpec(name=f"{address:04X}", logical_address=address)
            case CanTarget(request_id=request, response_id=int(response)):
                return _can_spec(target, request, response, self._bus(target.bus))
            case _:
                return None

    def _answering(self, exchange: Exchange, answer: Answered) -> EcuSpec | None:
        """Return who answered a request to everybody."""
        known = [s for s in self.specs.values() if answer.source in _names(s)]
        if known:
            return known[0]
        if isinstance(exchange.target, DoipTarget) or self._is_doip:
            return EcuSpec(name=f"{answer.source:04X}", logical_address=answer.source)
        request = _request_id(answer.source)
        if request is None:
            return None
        wide = request > 0x7FF
        name = f"{request:X}"
        return EcuSpec(
            name=name,
            bus=self._bus(exchange.target.bus),
            request_id=request,
            response_id=answer.source,
            extended=wide,
        )

    @property
    def _is_doip(self) -> bool:
        return bool(self.began.kinds) and set(self.began.kinds) == {"doip"}

    def _bus(self, name: str) -> str:
        return name or next(iter(self._can_buses()), ("can0", "can"))[0]

    def _can_buses(self) -> list[tuple[str, str]]:
        kinds = self.began.kinds or ("can",) * len(self.began.buses)
        found = zip(self.began.buses, kinds, strict=False)
        return [(name, kind) for name, kind in found if kind != "doip"]

    def _meet(self, spec: EcuSpec) -> str:
        if spec.name not in self.specs:
            self.specs[spec.name] = spec
            self.ecus[spec.name] = RecordedEcu(spec.logical_address or 0, self.vin)
        return spec.name

    def _learn(
        self,
        name: str,
        exchange: Exchange,
        answers: tuple[Answered, ...],
        *,
        functional: bool = False,
    ) -> None:
        if not answers and exchange.failure is not None and exchange.failure not in _SILENT:
            return
        spoken = Spoken(None)
        for answer in answers:
            took = (answer.received_at - answer.sent_at) / 1e6
            spoken = Spoken(answer.data, took, answer.pending)
        self.ecus[name].learn(exchange.request, spoken, functional=functional)

    def vehicle(self) -> VehicleSpec:
        """Return the vehicle with everybody who was met."""
        ecus = tuple(self.specs.values())
        on_doip = tuple(ecu for ecu in ecus if ecu.logical_address is not None)
        voltage = SignalSpec(base=12.4, length=2)
        name, title = f"recording {self.began.session[:8]}", "A recorded vehicle"
        if on_doip:
            taken = {ecu.logical_address for ecu in on_doip}
            free = next(it for it in range(0x1000, 0x2000) if it not in taken)
            return VehicleSpec(
                name=name,
                title=title,
                kind="doip",
                vin=self.vin,
                gateway_address=free,
                voltage=voltage,
                ecus=on_doip,
            )
        wide = any(kind == "can-fd" for _, kind in self._can_buses())
        return VehicleSpec(
            name=name,
            title=title,
            kind="can-fd" if wide else "can",
            vin=self.vin,
            voltage=voltage,
            buses=tuple(
                BusSpec(
                    name=bus,
                    bitrate=_BITRATE,
                    data_bitrate=_DATA_BITRATE if kind == "can-fd" else 0,
                )
                for bus, kind in self._can_buses()
            ),
            ecus=ecus,
        )


def _can_spec(target: CanTarget, request: int, response: int, bus: str) -> EcuSpec:
    mode = "normal" if target.mode == "normal_fixed" else target.mode
    byte = target.target_address if mode == "extended" else target.address_extension
    suffix = "" if mode == "normal" or byte is None else f"-{byte:02X}"
    return EcuSpec(
        name=f"{request:X}{suffix}",
        bus=bus,
        request_id=request,
        response_id=response,
        extended=target.extended,
        transport=TransportSpec(
            mode="extended" if mode == "extended" else "mixed" if mode == "mixed" else "normal",
            target_address=target.target_address if mode == "extended" else None,
            source_address=target.source_address if mode == "extended" else None,
            address_extension=target.address_extension if mode == "mixed" else None,
        ),
    )


def _names(spec: EcuSpec) -> set[int | None]:
    """Return what answers of a control unit come from."""
    return {spec.response_id, spec.logical_address} - {None}


def _request_id(response: int) -> int | None:
    """Return what reaches the control unit that answers with ``response`` (ISO 15765-4)."""
    if 0x7E8 <= response <= 0x7EF:
        return response - 8
    if response & 0x1FFFFF00 == 0x18DAF100:
        return 0x18DA00F1 | (response & 0xFF) << 8
    return None
