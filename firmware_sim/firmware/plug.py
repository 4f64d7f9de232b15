"""What a device measures where it is plugged in, read from files that the system keeps.

Linux shows an analogue input as a file with millivolts (``/sys/class/hwmon/hwmon0/in1_input``) and
a digital one as a file with 0 or 1 (``/sys/class/gpio/gpio25/value``). A divider in front of the
input makes a vehicle's voltage small enough for it; ``scale`` makes it large again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: Such a file holds one number; whatever has more is another one.
MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class FilePlug:
    """A plug with inputs; one that is left out is not measured.

    Attributes:
        voltage_file: holds millivolts at the input.
        scale: what the divider in front of the input divides by.
        ignition_file: holds 0 or 1, terminal 15.
    """

    voltage_file: Path | None = None
    scale: float = 1.0
    ignition_file: Path | None = None

    @property
    def ignition(self) -> bool | None:
        """Terminal 15; ``None`` where it is not measured, or cannot be now."""
        value = _number_in(self.ignition_file)
        return None if value is None else value != 0

    def voltage(self) -> float | None:
        """Return volts at the plug; ``None`` where they are not measured, or cannot be now."""
        value = _number_in(self.voltage_file)
        return None if value is None else value * self.scale / 1000


def _number_in(path: Path | None) -> float | None:
    if path is None:
        return None
    try:
        with path.open() as file:
            return float(int(file.read(MAX_TEXT)))
    except (OSError, ValueError):
        return None
