"""Vehicle identification numbers: form, check digit, and a fleet's numbers from one model.

ISO 3779 fixes the form; the check digit in the ninth place is 49 CFR 565 and GB 16735 (North
America, China). European makers put any character there, so only a number that had a valid digit
keeps one.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"[A-HJ-NPR-Z0-9]{11}[0-9]{6}")
_VALUES = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), *range(1, 9), *range(1, 6), 7, 9,
        *range(2, 10)], strict=True)
)  # fmt: skip
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

#: Places of the serial number that a fleet varies, counted from zero.
_SERIAL = slice(11, 17)

#: Distance of two serial numbers; it has no factor in common with a million, so none repeats.
_STEP = 420_489


def is_vin(text: str) -> bool:
    """Tell whether ``text`` has the form of a vehicle identification number.

    ISO 3779 wants digits in the last four places; makers of more than a few hundred vehicles a
    year, which are all of ours, write six.
    """
    return _FORM.fullmatch(text) is not None


def check_digit(vin: str) -> str:
    """Return the ninth character that 49 CFR 565.15 asks for."""
    total = sum(_VALUES[sign] * weight for sign, weight in zip(vin, _WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def has_check_digit(vin: str) -> bool:
    """Tell whether the ninth character is the right check digit."""
    return vin[8] == check_digit(vin)


def vin_for_seed(vin: str, seed: int) -> str:
    """Return another vehicle of the same model: the same number but for its serial.

    Seed 0 is the model's own number, a million seeds give a million numbers, and a valid check
    digit stays valid.
    """
    serial = (int(vin[_SERIAL]) + seed * _STEP) % 1_000_000
    changed = f"{vin[: _SERIAL.start]}{serial:06}"
    if has_check_digit(vin):
        changed = changed[:8] + check_digit(changed) + changed[9:]
    return changed
