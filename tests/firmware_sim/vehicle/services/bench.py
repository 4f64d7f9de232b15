"""One ECU on the bench: asked by hand, one request after the other."""

from __future__ import annotations

from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for

GOLF = load_vehicle("golf")
VIN = GOLF.vin.encode().hex()
LEVEL_3, LEVEL_11 = GOLF.ecus[0].security


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

    def prepare_programming(self) -> None:
        """Enter the programming session, unlock it and leave a fingerprint."""
        self.ask("1002")
        seed = bytes.fromhex(self.ask("2711"))[2:]
        assert self.ask("2712" + key_for(LEVEL_11, seed).hex()) == "6712"
        assert self.ask("2ef15a" + "26112000c0ffee0001") == "6ef15a"

    def download(self, address: int, data: bytes, *, block: int = 0x0FFD) -> None:
        """Erase a range, program it and leave the transfer complete."""
        place = f"44{address:08x}{len(data):08x}"
        assert self.ask(f"3101ff00{place}") == "7101ff000200"
        assert self.ask(f"3400{place}") == "74200fff"
        for number, start in enumerate(range(0, len(data), block), 1):
            counter = f"{number & 0xFF:02x}"
            assert self.ask(f"36{counter}{data[start : start + block].hex()}") == f"76{counter}"
