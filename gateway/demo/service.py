"""The work itself: identify, read, unlock, code, clear, check."""

from __future__ import annotations

from typing import Any

from gateway.demo.http import StoryError
from gateway.demo.presenter import Presenter
from gateway.demo.workshop import Ecu, Session

#: Identifiers of ISO 14229-1 annex C.1.
VIN, PART_NUMBER, SOFTWARE_VERSION = 0xF190, 0xF187, 0xF189

#: The demo vehicle's long coding, and the bit the story switches in its last byte.
LONG_CODING, COMFORT_BIT = 0x0600, 0x01

#: Extended diagnostic session (ISO 14229-1 table 25).
EXTENDED = 0x03

#: Security level of the demo vehicle's engine, and how the operator computes its keys: with a
#: secret of the maker's, which stays with the operator and never reaches the connector.
LEVEL, MASK, ROTATE, ADD = 0x03, 0x2C1B6E59, 5, 0x00031337


def key_for(seed: bytes) -> bytes:
    """Return the key to a seed of the demo vehicle's engine, 4 bytes each."""
    word = int.from_bytes(seed, "big") ^ MASK
    word = (word << ROTATE | word >> (32 - ROTATE)) & 0xFFFFFFFF
    return ((word + ADD) & 0xFFFFFFFF).to_bytes(4, "big")


def spell(code: int) -> str:
    """Return a trouble code of three bytes as people write it: ``P0301-00``.

    SAE J2012-DA: two bits for the system, fourteen for the code, a byte for the kind of failure.
    """
    return f"{'PCBU'[code >> 22]}{code >> 8 & 0x3FFF:04X}-{code & 0xFF:02X}"


# Any: the operator API's Connector.
def ecus_of(face: Any) -> list[Ecu]:
    """Return the control units of a connector, with the address its bus needs."""
    return [Ecu(ecu["name"], _address(ecu)) for ecu in face["ecus"]]


def _address(ecu: dict[str, Any]) -> dict[str, int]:
    if ecu["request_id"] is None:
        return {"logical_address": ecu["logical_address"]}
    return {"request_id": ecu["request_id"], "response_id": ecu["response_id"]}


class DiagnosticService:
    """What the ordered product stands for, done by hand for the story."""

    def __init__(self, session: Session, ecus: list[Ecu], presenter: Presenter) -> None:
        self._session = session
        self._ecus = ecus
        self._show = presenter

    async def carry_out(self) -> str:
        """Do the work and return the findings, in words for the ticket."""
        await self._obd_vin()
        found = await self._identify()
        await self._code(self._ecus[0])
        left = await self._clear()
        return (
            f"{found} trouble codes found in {len(self._ecus)} control units, {left} left after "
            "clearing. Comfort coding changed and read back."
        )

    async def _obd_vin(self) -> None:
        """Ask everybody at once, as OBD scanners do (SAE J1979 mode 09, VIN)."""
        answers = await self._session.raw({"functional": True}, bytes((0x09, 0x02)))
        if not answers:
            raise StoryError("nobody answered the functional request for the VIN")
        vin = answers[0][3:].decode("ascii", "replace")
        self._show.line("operator", f"OBD mode 09 functional: {len(answers)} answer, VIN {vin}")

    async def _identify(self) -> int:
        rows, found = [], 0
        for ecu in self._ecus:
            codes = await self._session.trouble_codes(ecu)
            found += len(codes)
            rows.append(
                (
                    ecu.name,
                    await self._session.read_text(ecu, PART_NUMBER),
                    await self._session.read_text(ecu, SOFTWARE_VERSION),
                    " ".join(spell(code.id) for code in codes) or "none",
                )
            )
        self._show.table(("control unit", "part number", "software", "trouble codes"), rows)
        return found

    async def _code(self, ecu: Ecu) -> None:
        """Change a bit of the coding behind security access, and read it back."""
        session = self._session
        await session.enter(ecu, EXTENDED)
        await session.send_key(ecu, LEVEL, key_for(await session.seed(ecu, LEVEL)))
        coding = bytearray(await session.read(ecu, LONG_CODING))
        coding[-1] ^= COMFORT_BIT
        await session.write(ecu, LONG_CODING, bytes(coding))
        if await session.read(ecu, LONG_CODING) != coding:
            raise StoryError(f"{ecu.name} did not keep its coding")
        self._show.line("operator", f"{ecu.name}: unlocked, coded {coding.hex(' ')}, read back")

    async def _clear(self) -> int:
        left = 0
        for ecu in self._ecus:
            await self._session.clear_trouble_codes(ecu)
            left += len(await self._session.trouble_codes(ecu))
        self._show.line("operator", f"trouble codes cleared; {left} came back at once")
        return left
