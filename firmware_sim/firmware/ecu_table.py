"""Which control units a device knows, where no vehicle is simulated that would tell.

A YAML file:

    ecus:
      - {name: engine, request_id: 0x7E0, response_id: 0x7E8}
      - {name: body, request_id: 0x18DA40F1, response_id: 0x18DAF140, extended: true}
      - {name: gateway, logical_address: 0x1001}

or on the command line, in hexadecimal: ``7E0:7E8,18DA40F1:18DAF140,1001``. A pair is a control
unit on CAN, a single number a logical address on DoIP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import yaml

from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID
from protocols.link.vehicle import EcuInfo

#: Largest file accepted, bytes.
MAX_FILE = 1 << 20

CanId = Annotated[int, msgspec.Meta(ge=0, le=MAX_EXTENDED_ID)]
LogicalAddress = Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)]


class EcuTableError(ValueError):
    """The table cannot be used; the text names the place and what is wrong."""


class EcuEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One control unit, either on CAN or on DoIP.

    Attributes:
        name: for people.
        request_id: CAN identifier that reaches it.
        response_id: CAN identifier it answers from.
        logical_address: its DoIP address (ISO 13400-2 table 13).
        extended: 29-bit identifiers; implied by one above 7FF.
    """

    name: str
    request_id: CanId | None = None
    response_id: CanId | None = None
    logical_address: LogicalAddress | None = None
    extended: bool = False

    def __post_init__(self) -> None:
        pair = (self.request_id, self.response_id)
        if (None in pair) is not (pair == (None, None)):
            raise ValueError(f"{self.name} needs both request_id and response_id")
        if (pair == (None, None)) is (self.logical_address is None):
            raise ValueError(f"{self.name} needs a request_id and response_id, or an address")

    @property
    def is_on_can(self) -> bool:
        """It is reached by CAN identifiers."""
        return self.logical_address is None

    def info(self, bus: str) -> EcuInfo:
        """Return what the gateway is told of it."""
        wide = max(self.request_id or 0, self.response_id or 0) > MAX_STANDARD_ID
        return EcuInfo(
            self.name,
            bus,
            self.request_id,
            self.response_id,
            self.logical_address,
            extended=self.extended or wide,
        )


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ecus: tuple[EcuEntry, ...]


def read_ecus(text: str) -> tuple[EcuEntry, ...]:
    """Return the control units of a YAML file by its path, or of a list as shown above.

    Raises:
        EcuTableError: there is no such file, or what is in it makes no table.
    """
    path = Path(text)
    if path.suffix in {".yaml", ".yml"}:
        return _read_file(path)
    return tuple(_read_item(item.strip()) for item in text.split(","))


def _read_file(path: Path) -> tuple[EcuEntry, ...]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise EcuTableError(f"{path}: larger than {MAX_FILE} bytes")
        return msgspec.convert(yaml.safe_load(data), _Table).ecus
    except (OSError, yaml.YAMLError, msgspec.ValidationError, RecursionError) as error:
        raise EcuTableError(f"{path}: {' '.join(str(error).split())}") from None


def _read_item(item: str) -> EcuEntry:
    numbers = item.split(":")
    try:
        values = [int(number, 16) for number in numbers]
        names = ["logical_address"] if len(values) == 1 else ["request_id", "response_id"]
        given = dict(zip(names, values, strict=True))
        return msgspec.convert({"name": item.upper(), **given}, EcuEntry)
    except (ValueError, msgspec.ValidationError):
        raise EcuTableError(
            f"{item!r} is no control unit: write 7E0:7E8 for CAN identifiers, or 1001 for a "
            "logical address"
        ) from None
