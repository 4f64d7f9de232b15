"""The vehicle's identification number, as control units tell it (ISO 14229-1, table C.1: F190)."""

from __future__ import annotations

READ_VIN = bytes.fromhex("22F190")
_READ = bytes.fromhex("62F190")
_WRITTEN = bytes.fromhex("6EF190")


def vin_in(answer: bytes) -> str | None:
    """Return the number that an answer to :data:`READ_VIN` tells, if it does."""
    text = answer.removeprefix(_READ)
    if text == answer or not text.isascii():
        return None
    return text.decode("ascii").strip("\0 ") or None


def wrote_vin(answer: bytes) -> bool:
    """Tell whether an answer says that the number was written: it is another one from now on."""
    return answer.startswith(_WRITTEN)
