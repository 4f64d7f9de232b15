"""Which control units a device knows, where no vehicle is simulated that would tell.

A YAML file:

    ecus:
      - {name: engine, request_id: 0x7E0, response_id: 0x7E8}
      - {name: body, request_id: 0x18DA40F1, response_id: 0x18DAF140, extended: true}
      - {name: seats, addressing: extended, request_id: 0x6F1, response_id: 0x66D,
         target_address: 0x6D, source_address: 0xF1}
      - {name: lights, addressing: normal_fixed, target_address: 0x40, source_address: 0xF1}
      - {name: tow bar, addressing: mixed, request_id: 0x740, response_id: 0x748,
         address_extension: 0x05, padding: 0x00, stmin: 10}
      - {name: gateway, logical_address: 0x1001}

Identifiers of normal fixed and 29-bit mixed addressing follow from the addresses. ``fd``,
``brs``, ``tx_dl``, ``padding`` (-1 for none), ``stmin``, ``block_size`` and ``wait_limit`` say how
ISO-TP is spoken with a control unit where that is not as on its bus.

Or on the command line, in hexadecimal: ``7E0:7E8,18DA40F1:18DAF140,1001``. A pair is a control
unit on CAN, a single number a logical address on DoIP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID
from protocols.diagnosis.speech import params_for
from protocols.diagnosis.targets import composed_ids, physical_address, target_of
from protocols.errors import LocalProtocolError
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import EcuInfo, IsoTpOptions

#: Largest file accepted, bytes.
MAX_FILE = 1 << 20

CanId = Annotated[int, msgspec.Meta(ge=0, le=MAX_EXTENDED_ID)]
Byte = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
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
        addressing: mode of ISO 15765-2.
        target_address: N_TA, its own address.
        source_address: N_SA, the tester's.
        address_extension: N_AE.
        fd: CAN-FD frames; this and what follows as in :class:`IsoTpOptions`.
    """

    name: str
    request_id: CanId | None = None
    response_id: CanId | None = None
    logical_address: LogicalAddress | None = None
    extended: bool = False
    addressing: Literal["normal", "normal_fixed", "extended", "mixed"] = "normal"
    target_address: Byte | None = None
    source_address: Byte | None = None
    address_extension: Byte | None = None
    fd: bool | None = None
    brs: bool | None = None
    tx_dl: int | None = None
    padding: Annotated[int, msgspec.Meta(ge=-1, le=0xFF)] | None = None
    stmin: Byte | None = None
    block_size: Byte | None = None
    wait_limit: int | None = None

    def __post_init__(self) -> None:
        pair = self._pair()
        if (None in pair) is not (pair == (None, None)):
            raise ValueError(f"{self.name} needs both request_id and response_id")
        if (pair == (None, None)) is (self.logical_address is None):
            raise ValueError(f"{self.name} needs a request_id and response_id, or an address")
        target = target_of(self.info(""))
        if target is None:
            return
        try:
            physical_address(target)
            params_for(IsoTpParams(can_fd=bool(self.fd)), target.isotp, fd=True)
        except LocalProtocolError as error:
            raise ValueError(f"{self.name}: {error}") from None

    @property
    def is_on_can(self) -> bool:
        """It is reached by CAN identifiers."""
        return self.logical_address is None

    def info(self, bus: str) -> EcuInfo:
        """Return what the gateway is told of it."""
        request, response = self._pair()
        wide = max(request or 0, response or 0) > MAX_STANDARD_ID
        return EcuInfo(
            self.name,
            bus,
            request,
            response,
            self.logical_address,
            extended=self.extended or wide,
            mode=self.addressing,
            target_address=self.target_address,
            source_address=self.source_address,
            address_extension=self.address_extension,
            isotp=self._options(),
        )

    def _pair(self) -> tuple[int | None, int | None]:
        """Return the identifiers, made of the addresses where they are left out."""
        given = (self.request_id, self.response_id)
        target, source = self.target_address, self.source_address
        composed = self.addressing in {"normal_fixed", "mixed"}
        if given != (None, None) or target is None or source is None or not composed:
            return given
        return composed_ids(self.addressing, target, source)

    def _options(self) -> IsoTpOptions | None:
        options = IsoTpOptions(
            self.fd,
            self.brs,
            self.tx_dl,
            self.padding,
            self.stmin,
            self.block_size,
            self.wait_limit,
        )
        return None if options == IsoTpOptions() else options


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
