"""One session on a vehicle, as scripts under Trio see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import trio

from gateway.client.api import OperatorApi
from gateway.client.errors import ClientError, NegativeAnswer, Refused, Unreadable
from gateway.client.jobs import TransferJob
from gateway.client.records import (
    Bus,
    Connector,
    Ecu,
    Job,
    Lease,
    Response,
    SessionRecord,
    convert,
)
from gateway.client.socket import OperatorSocket
from gateway.client.streams import FrameStream, NewsStream
from gateway.client.units import EcuAddress, everybody, parse
from protocols.can.batch import encode_batch
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame

#: A control unit: its address, its record, or its name at the connector or as a person writes it.
Unit = EcuAddress | Ecu | str

#: Seconds that ending a session may take, the vehicle's safe state included.
_END_LIMIT = 30.0

#: Seconds that leaving a stream may take.
_LEAVE_LIMIT = 2.0


@dataclass(frozen=True, slots=True)
class Wires:
    """What sessions and jobs of one client share."""

    api: OperatorApi
    socket: OperatorSocket


class Session:
    """Work on one vehicle. As ``async with`` block it ends with the block.

    Attributes:
        record: as it was opened or last looked at.
        connector: the vehicle's, with buses and control units.
    """

    def __init__(self, wires: Wires, record: SessionRecord, connector: Connector) -> None:
        self._wires = wires
        self.record = record
        self.connector = connector
        self._frames_sent = False

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        return self.record.id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.move_on_after(_END_LIMIT, shield=True):
            try:
                await self.end()
            except ClientError:
                return  # it ends by itself, and what the block raised says more

    # --- life --------------------------------------------------------------------------------

    async def refresh(self) -> SessionRecord:
        """Look at the session again; raises ``Refused`` where it is over."""
        self.record = await self._wires.api.get(self._path(), SessionRecord)
        return self.record

    async def take_lease(self, *, take_over: bool = False) -> Lease:
        """Ask for the right to send.

        Args:
            take_over: where somebody else has it, have it when their notice has run out.

        Raises:
            Refused: somebody else has it, and it is not to be taken over.
        """
        lease = await self._wires.api.post(self._path("/lease"), Lease, {"take_over": take_over})
        await self.refresh()
        return lease

    async def give_up_lease(self) -> None:
        """Go on as a reader; the vehicle goes to its safe state."""
        await self._wires.api.call("DELETE", self._path("/lease"))
        await self.refresh()

    async def end(self) -> None:
        """End it; the vehicle is in its safe state afterwards. Twice is fine.

        Frames that were sent before reach the bus before.
        """
        if self._frames_sent:
            with trio.move_on_after(_LEAVE_LIMIT):
                await self._settle()
        try:
            await self._wires.api.call("DELETE", self._path())
        except Refused as error:
            if error.status != 404:
                raise

    # --- exchanges ---------------------------------------------------------------------------

    async def exchange(
        self, ecu: Unit, request: bytes | str, *, decode: bool = True
    ) -> tuple[Response, ...]:
        """Run one request at the vehicle and return the final answers.

        Args:
            ecu: whom to ask.
            request: its bytes, or hexadecimal.
            decode: let answers say what they mean, where the vehicle has a description.

        Returns:
            One answer as a rule, several where the request was functional, none where a positive
            one was suppressed. A negative one is an answer like any other.

        Raises:
            NoAnswer: the control unit did not answer within its bounds.
            Refused: the gateway said no; somebody else has the lease, for instance.
            Interrupted: the connection broke; whether the vehicle got it is not known.
        """
        text = request if isinstance(request, str) else request.hex()
        message = {
            "action": "exchange",
            "session": self.id,
            "ecu": msgspec.to_builtins(self.address(ecu)),
            "request": text,
            "decode": decode,
        }
        answer = await self._wires.socket.ask(message)
        return convert(answer.get("responses"), tuple[Response, ...])

    async def ask(self, ecu: Unit, request: bytes | str) -> bytes:
        """Run one request at one control unit and return its positive answer's bytes.

        Nothing, where the positive answer was suppressed.

        Raises:
            NegativeAnswer: it refused.
            NoAnswer, Refused, Interrupted: as :meth:`exchange`.
        """
        responses = await self.exchange(ecu, request, decode=False)
        if not responses:
            return b""
        if len(responses) > 1:
            raise Unreadable(f"{len(responses)} answers came where one was asked for: {responses}")
        return positive(responses[0])

    async def exchange_all(
        self, requests: Sequence[tuple[Unit, bytes | str]]
    ) -> list[tuple[Response, ...] | ClientError]:
        """Run requests side by side; one network round trip for all of them.

        Requests to the same control unit reach it in this order, one after the other.

        Returns:
            What came of each: its answers, or the error that :meth:`exchange` would raise.
        """
        results: list[tuple[Response, ...] | ClientError] = [()] * len(requests)

        async def run(place: int, ecu: Unit, request: bytes | str) -> None:
            try:
                results[place] = await self.exchange(ecu, request)
            except ClientError as error:
                results[place] = error

        async with trio.open_nursery() as nursery:
            for place, (ecu, request) in enumerate(requests):
                nursery.start_soon(run, place, ecu, request)
        return results

    async def functional(self, request: bytes | str, bus: str = "") -> tuple[Response, ...]:
        """Ask everybody on a bus and gather the answers; raises as :meth:`exchange`."""
        return await self.exchange(everybody(bus), request)

    def address(self, ecu: Unit) -> EcuAddress:
        """Return how exchanges name a control unit.

        Raises:
            Unreadable: no address, and no name that the connector knows.
        """
        if isinstance(ecu, EcuAddress):
            return ecu
        if isinstance(ecu, Ecu):
            return ecu.address
        named = next((it for it in self.connector.ecus if it.name == ecu), None)
        found = parse(ecu) if named is None else named.address
        if found is None:
            names = ", ".join(it.name for it in self.connector.ecus) or "none"
            raise Unreadable(
                f"There is no control unit {ecu!r}: the connector knows {names}; or give its CAN "
                "ids (7E0:7E8) or its logical address (1001)."
            )
        return found

    # --- frames and news ---------------------------------------------------------------------

    @asynccontextmanager
    async def frames(
        self, bus: str = "", filters: Iterable[CanFilter] = ()
    ) -> AsyncIterator[FrameStream]:
        """Give the block the frames of a bus, the first CAN bus if left out.

        Args:
            bus: its name.
            filters: which frames; none means all.
        """
        known = self.bus(bus)
        stream = FrameStream(known.name, self.connector.buses.index(known))
        wanted = [{"id": it.id, "mask": it.mask, "extended": it.extended} for it in filters]
        message = {
            "action": "subscribe",
            "session": self.id,
            "stream": "frames",
            "bus": known.name,
            "filters": wanted,
        }
        await self._wires.socket.subscribe(message, stream)
        try:
            yield stream
        finally:
            with trio.move_on_after(_LEAVE_LIMIT, shield=True):
                await self._leave(stream)

    async def hold(self, stream: FrameStream, *, paused: bool = True) -> None:
        """Pause a stream of frames, or go on; what comes meanwhile is dropped and counted."""
        stream.paused = paused
        action = "pause" if paused else "resume"
        await self._wires.socket.ask({"action": action, "session": self.id, "bus": stream.bus})

    @asynccontextmanager
    async def news(self) -> AsyncIterator[NewsStream]:
        """Give the block what happens in the session from now on."""
        stream = NewsStream()
        message = {"action": "subscribe", "session": self.id, "stream": "news"}
        await self._wires.socket.subscribe(message, stream)
        try:
            yield stream
        finally:
            with trio.move_on_after(_LEAVE_LIMIT, shield=True):
                await self._leave(stream)

    async def _leave(self, stream: FrameStream | NewsStream) -> None:
        try:
            await self._wires.socket.unsubscribe(stream)
        except ClientError:
            return  # over already, by itself

    async def send_frames(self, frames: Iterable[CanFrame], bus: str = "") -> None:
        """Put raw frames on a bus, in this order; time stamps do not matter.

        Returns when they are on their way. What the gateway says against them is raised by the
        next call, or by :meth:`flush`.

        Raises:
            Refused: the gateway did not take earlier ones.
        """
        index = self.connector.buses.index(self.bus(bus))
        self._frames_sent = True
        await self._wires.socket.send_batch(self.id, encode_batch(index, tuple(frames)))

    async def flush(self) -> None:
        """Wait until the gateway has passed on all frames that were sent before.

        Raises:
            Refused: it did not take some of them.
        """
        await self._wires.socket.ask({"action": "ping"})
        self._wires.socket.check_frames(self.id)

    async def _settle(self) -> None:
        try:
            await self._wires.socket.ask({"action": "ping"})
        except ClientError:
            return  # nothing is on its way any more

    def bus(self, name: str = "") -> Bus:
        """Return a CAN bus, the first one if no name is given; raises ``Unreadable``."""
        buses = [bus for bus in self.connector.buses if bus.kind != "doip"]
        for bus in buses:
            if name in {"", bus.name}:
                return bus
        names = ", ".join(bus.name for bus in buses) or "none"
        raise Unreadable(f"This connector has no CAN bus {name!r}; it has {names}.")

    # Any: members of an order for a bus, as docs/firmware.md has them.
    async def configure_bus(self, name: str, **order: Any) -> Bus:
        """Have a bus run otherwise until the session ends: ``bitrate``, ``listen_only``, ..."""
        path = self._path(f"/buses/{self.bus(name).name}")
        return msgspec.json.decode(await self._wires.api.call("PUT", path, order), type=Bus)

    # --- jobs --------------------------------------------------------------------------------

    async def start_transfer(
        self, ecu: Unit, procedure: object, *, image: str | None = None
    ) -> TransferJob:
        """Order a transfer job (``docs/jobs.md``).

        Args:
            ecu: the control unit.
            procedure: what is done, as JSON values.
            image: SHA-256 of an uploaded image, to write it; left out, memory is read.

        Raises:
            Refused: the gateway said no.
        """
        body: dict[str, object] = {
            "kind": "transfer",
            "ecu": self.address(ecu),
            "procedure": procedure,
            "direction": "upload" if image is None else "download",
        }
        if image is not None:
            body["image"] = image
        job = await self._wires.api.post(self._path("/jobs"), Job, body)
        return self.job(job)

    def job(self, record: Job) -> TransferJob:
        """Return a job on this vehicle, to be followed and controlled by this session."""
        return TransferJob(self._wires.api, self.id, record, self.news)

    def _path(self, more: str = "") -> str:
        return f"/sessions/{self.id}{more}"


def positive(response: Response) -> bytes:
    """Return an answer's bytes; raises ``NegativeAnswer`` where it is a refusal."""
    if response.negative is not None:
        raise NegativeAnswer(response.data[1], response.negative.code)
    return bytes(response.data)
