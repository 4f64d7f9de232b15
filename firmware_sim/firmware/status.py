"""How the vehicle is: its number, the voltage at the plug, the ignition."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from protocols.diagnosis.identification import READ_VIN, vin_in, wrote_vin
from protocols.link.messages import StatusReport
from protocols.link.vehicle import Target
from protocols.uds.outcome import Finished

#: The converter at the plug tells a tenth of a volt; finer steps would be noise to report.
VOLTAGE_STEP_MV = 100


class Plug(Protocol):
    """What the connector measures where it is plugged in; ``None`` is what it cannot measure."""

    @property
    def ignition(self) -> bool | None: ...

    def voltage(self) -> float | None:
        """Return volts."""
        ...


class VehicleStatus:
    """Watches one vehicle.

    The number is read by a real exchange, but only until it is known: a request every few seconds
    would keep diagnostic sessions alive that nobody keeps any more. It is read again after it was
    written.
    """

    def __init__(
        self,
        plug: Plug,
        targets: Sequence[Target],
        ask: Callable[[Target, bytes], Awaitable[Finished]],
    ) -> None:
        self._plug = plug
        self._targets = tuple(targets)
        self._ask = ask
        self._vin: str | None = None

    async def report(self) -> StatusReport:
        """Return how the vehicle is now."""
        if self._vin is None and self._plug.ignition is not False:
            self._vin = await self._read_vin()
        return StatusReport(
            vin=self._vin,
            voltage_mv=_millivolts(self._plug.voltage()),
            ignition=self._plug.ignition,
        )

    def saw(self, outcome: Finished) -> None:
        """Take note of what an exchange did to the vehicle."""
        if any(wrote_vin(it.payload) for it in outcome.responses):
            self._vin = None

    async def _read_vin(self) -> str | None:
        """Return the number of the first control unit that tells it."""
        for target in self._targets:
            outcome = await self._ask(target, READ_VIN)
            for response in outcome.responses:
                vin = vin_in(response.payload)
                if vin is not None:
                    return vin
        return None


def _millivolts(volts: float | None) -> int | None:
    if volts is None:
        return None
    return round(volts * 1000 / VOLTAGE_STEP_MV) * VOLTAGE_STEP_MV
