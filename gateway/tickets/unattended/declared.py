"""Procedures as they are declared: YAML in, frozen records out, every mistake named.

    - name: read trouble codes
      products: ["100201"]
      steps:
        - {do: read_trouble_codes}

Of several procedures for a product the first whose ``vehicles`` fit is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import yaml

from gateway.domain.errors import Invalid
from gateway.sessions.targets import EcuAddress, to_target

#: Volts below which nothing is begun: control units go down when a weak battery gives in.
LEAST_VOLTAGE = 11.8

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Identifier = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Bytes = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Fa-f]{2} ?)+$", max_length=8_190)]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]

#: A control unit by the name its connector knows it by, or by its address.
Ecu = Text | EcuAddress


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How security access is opened: exclusive or, rotate left, add, modulo 2**32.

    Attributes:
        level: odd; the seed's sub-function.
        mask: combined with the seed first.
        rotate: bits, to the left.
        add: added last.
    """

    level: Annotated[int, msgspec.Meta(ge=1, le=0x7D)]
    mask: Word
    rotate: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    add: Word = 0

    def key(self, seed: bytes) -> bytes:
        """Return the key for a seed of four bytes."""
        word = int.from_bytes(seed) ^ self.mask
        word = (word << self.rotate | word >> (32 - self.rotate)) & 0xFFFF_FFFF
        return ((word + self.add) & 0xFFFF_FFFF).to_bytes(4)


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", kw_only=True):
    #: Whether it changes anything in the vehicle.
    changes: ClassVar[bool] = False


class ReadTroubleCodes(_Step, frozen=True, tag="read_trouble_codes"):
    """Read and keep the trouble codes of every control unit, or of those named."""

    ecus: tuple[Ecu, ...] = ()


class ClearTroubleCodes(_Step, frozen=True, tag="clear_trouble_codes"):
    """Clear them, having read them before and reading them after."""

    changes: ClassVar[bool] = True
    ecus: tuple[Ecu, ...] = ()


class Read(_Step, frozen=True, tag="read"):
    """Read an identifier."""

    ecu: Ecu
    identifier: Identifier
    name: Text


class Write(_Step, frozen=True, tag="write"):
    """Write an identifier, having read it before and reading it back after.

    Attributes:
        value: bytes in hexadecimal.
        mask: which bits of it count; the others stay as they are. All, where it is left out.
        session: diagnostic session it takes; 1 stays in the default one.
        lock: security it takes.
    """

    changes: ClassVar[bool] = True
    ecu: Ecu
    identifier: Identifier
    name: Text
    value: Bytes
    mask: Bytes | None = None
    session: Annotated[int, msgspec.Meta(ge=1, le=0x7F)] = 3
    lock: Lock | None = None


class Routine(_Step, frozen=True, tag="routine"):
    """Start a routine; its positive answer must begin with ``expect`` after the identifier."""

    changes: ClassVar[bool] = True
    ecu: Ecu
    identifier: Identifier
    name: Text
    arguments: Bytes | None = None
    expect: Bytes | None = None
    session: Annotated[int, msgspec.Meta(ge=1, le=0x7F)] = 3
    lock: Lock | None = None


Step = ReadTroubleCodes | ClearTroubleCodes | Read | Write | Routine


class VehicleFit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Vehicles by what they are called in the catalogue; what is left out does not narrow.

    Attributes:
        make: its name.
        model: how the name of the model begins.
    """

    make: Text
    model: str = ""


class Procedure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done for a product.

    Attributes:
        name: for people: on the ticket and in the report.
        products: item numbers.
        steps: in order.
        vehicles: where it fits; everywhere, where it is left out.
        ignition: it must be on, as far as the connector can tell.
        voltage: least supply voltage, as far as the connector can tell.
    """

    name: Text
    products: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1)]
    vehicles: tuple[VehicleFit, ...] = ()
    ignition: bool = True
    voltage: Annotated[float, msgspec.Meta(ge=0, le=60)] = LEAST_VOLTAGE

    def fits(self, item_number: str, vehicle: tuple[str, ...]) -> bool:
        """Tell whether it is for this product on this vehicle (make, group, model, variant)."""
        if item_number not in self.products:
            return False
        return not self.vehicles or any(
            fit.make == vehicle[0] and vehicle[2].startswith(fit.model) for fit in self.vehicles
        )

    @property
    def changes(self) -> bool:
        """Whether it changes anything in the vehicle."""
        return any(step.changes for step in self.steps)


def load(path: Path | None = None) -> tuple[Procedure, ...]:
    """Return the procedures of a file, or those that come with the product.

    Raises:
        Invalid: the file cannot be read, or says something that is no procedure; names the place.
    """
    try:
        if path is None:
            text = files(__package__).joinpath("procedures.yaml").read_text("utf-8")
        else:
            text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path, f"cannot be read: {error}") from error
    return parse(text, path)


def parse(text: str, path: Path | None = None) -> tuple[Procedure, ...]:
    """Return the procedures of a YAML text; ``path`` is for complaints.

    Raises:
        Invalid: as :func:`load`.
    """
    try:
        declared = msgspec.convert(yaml.safe_load(text), tuple[Procedure, ...])
    except (yaml.YAMLError, msgspec.ValidationError, RecursionError) as error:
        raise _invalid(path, str(error)) from error
    for procedure in declared:
        for complaint in _complaints(procedure):
            raise _invalid(path, f"procedure {procedure.name!r}: {complaint}")
    return declared


def _complaints(procedure: Procedure) -> Iterator[str]:
    for number, step in enumerate(procedure.steps, 1):
        for ecu in _addressed(step):
            try:
                to_target(ecu)
            except Invalid as error:
                yield f"step {number}: {error.detail}"
            if ecu.functional:
                yield f"step {number}: name one control unit, not all of them"
        if isinstance(step, Write) and step.mask is not None:
            sizes = len(bytes.fromhex(step.value)), len(bytes.fromhex(step.mask))
            if sizes[0] != sizes[1]:
                yield f"step {number}: value has {sizes[0]} bytes and mask {sizes[1]}"
        if isinstance(step, Write | Routine) and step.lock is not None and not step.lock.level % 2:
            yield f"step {number}: the level of a lock is odd"


def _addressed(step: Step) -> Iterator[EcuAddress]:
    named = step.ecus if isinstance(step, ReadTroubleCodes | ClearTroubleCodes) else (step.ecu,)
    yield from (ecu for ecu in named if isinstance(ecu, EcuAddress))


def _invalid(path: Path | None, reason: str) -> Invalid:
    return Invalid("unattended.procedures", f"{path or 'procedures.yaml'}: {reason}")
