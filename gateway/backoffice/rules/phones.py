"""Phone numbers as E.164, so that 06-12345678 and +31612345678 are the same."""

from __future__ import annotations

#: Numbers without a country are of here.
REGION = "NL"


def e164(text: str | None) -> str | None:
    """Return a number as E.164, ``None`` when it is none."""
    if not text:
        return None
    import phonenumbers  # noqa: PLC0415 - slow to import

    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
