"""An ECU's data identifiers: fixed content, live values, and what was written to them."""

from __future__ import annotations

from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.signals import Signal


class Identifiers:
    """Owns the content of one ECU's identifiers; what was written survives resets."""

    def __init__(self, spec: EcuSpec, vin: str, seed: str) -> None:
        self._specs = {item.id: item for item in spec.identifiers}
        self._vin = vin
        self._written: dict[int, bytes] = {}
        self._held: dict[int, bytes] = {}
        self._signals = {
            item.id: Signal(item.live, f"{seed}/{item.id:04X}")
            for item in spec.identifiers
            if item.live is not None
        }

    def find(self, number: int) -> IdentifierSpec | None:
        return self._specs.get(number)

    def content(self, spec: IdentifierSpec, now: float) -> bytes:
        """Return what the identifier holds at ``now``."""
        if spec.id in self._held:
            return self._held[spec.id]
        if spec.id in self._written:
            return self._written[spec.id]
        return self.declared(spec, now)

    def declared(self, spec: IdentifierSpec, now: float) -> bytes:
        """Return what the identifier would hold, had nobody written or held it."""
        if spec.live is not None:
            return self._signals[spec.id].encode(now)
        if spec.number is not None:
            return spec.number.value.to_bytes(spec.number.length)
        if spec.hex is not None:
            return bytes(spec.hex)
        return (self._vin if spec.vin else spec.text or "").encode("ascii")

    def write(self, spec: IdentifierSpec, content: bytes) -> None:
        """Replace the content for good."""
        self._written[spec.id] = content

    def hold(self, spec: IdentifierSpec, content: bytes) -> None:
        """Let a tester decide the content (service 2F) until it is released."""
        self._held[spec.id] = content

    def release(self, spec: IdentifierSpec) -> None:
        """Give one identifier back to the ECU."""
        self._held.pop(spec.id, None)

    def release_all(self) -> None:
        """Give everything that testers hold back to the ECU."""
        self._held.clear()
