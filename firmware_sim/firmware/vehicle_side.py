"""What the connector's program needs of the vehicle side."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from protocols.link.buses import BusConfigure, BusConfigured
from protocols.link.messages import ExchangeResult, StatusReport
from protocols.link.vehicle import BusInfo, EcuInfo, FrameFilter, Target


class FrameSource(Protocol):
    """A running monitor of one bus."""

    async def next_batch(self) -> bytes:
        """Wait for frames and return them as one batch (:mod:`protocols.can.batch`)."""
        ...

    def hurry(self) -> None:
        """Let the frames that wait for their batch go at once."""
        ...

    def not_taken(self, batch: bytes) -> None:
        """Tell with the next batch that the frames of this one are lost."""
        ...

    def change(self, filters: tuple[FrameFilter, ...], flush: float) -> bool:
        """Show other frames from now on and lose none; tell whether that can be."""
        ...


class VehicleSide(Protocol):
    """What the connector's program needs of the vehicle side."""

    @property
    def buses(self) -> tuple[BusInfo, ...]:
        """The buses, in the order their batches are numbered."""
        ...

    @property
    def ecus(self) -> tuple[EcuInfo, ...]:
        """The control units known."""
        ...

    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        """Run one request to its end; failures are part of the result, never raised."""
        ...

    async def keep_alive(self, target: Target) -> None:
        """Send tester present, and wait for nobody."""
        ...

    async def send_frames(self, batch: bytes) -> None:
        """Put the frames of a batch on their bus."""
        ...

    def monitor(
        self, bus: str, index: int, filters: tuple[FrameFilter, ...], flush: float
    ) -> AbstractAsyncContextManager[FrameSource]:
        """Watch a bus while the block runs; ``flush`` is the longest wait for a batch, seconds."""
        ...

    async def status(self) -> StatusReport:
        """Ask the vehicle how it is."""
        ...

    async def wait_buses_changed(self) -> None:
        """Return when a bus goes down or comes back, or is run otherwise."""
        ...

    async def configure_bus(self, order: BusConfigure) -> BusConfigured:
        """Run a bus as a session wants it; failures are part of the answer, never raised."""
        ...

    async def release_buses(self, session: str) -> None:
        """Run again as before what a session had run otherwise."""
        ...
