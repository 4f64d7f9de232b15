"""One ECU on the bench: asked by hand, one request after the other."""

from __future__ import annotations

from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for

GOLF = load_vehicle("golf")
VIN = GOLF.vin.encode().hex()
LEVEL_3 = GOLF.ecus[0].security[0]


class Bench:
    """Asks one ECU, one request after the other, and keeps the time."""

    def __init__(self, name: str = "engine") -> None:
        spec = next(ecu for ecu in GOLF.ecus if ecu.name == name)
        self.ecu = EcuApplication(spec, GOLF.vin, "test")
        self.now = 100.0

    def ask(self, request: str, *, functional: bool = False) -> str:
        """Return the last answer as hex, empty where there was none; time goes on by then."""
        responses = self.ecu.handle(bytes.fromhex(request), self.now, functional=functional)
        self.now += responses[-1].delay if responses else 0.06
        self.now += 0.001
        return responses[-1].payload.hex() if responses else ""

    def unlock(self, session: int = 3) -> None:
        self.ask(f"10{session:02x}")
        seed = bytes.fromhex(self.ask("2703"))[2:]
        assert self.ask("2704" + key_for(LEVEL_3, seed).hex()) == "6704"
