from __future__ import annotations

from uuid import UUID

import pytest

from gateway.links.certificates import named_uuids

ONE = UUID("0b6f4a52-7b0e-4c1e-9d4e-2f6a1f5f7a01")
TWO = UUID("8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e")


def _subject(*names: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple((("commonName", name),) for name in names)


@pytest.mark.parametrize(
    ("certificate", "named"),
    [
        ({}, set()),
        ({"subject": _subject(str(ONE))}, {ONE}),
        ({"subject": _subject(str(ONE).upper())}, {ONE}),
        ({"subject": ((("organizationName", str(ONE)),),)}, set()),
        ({"subject": _subject("engine"), "subjectAltName": (("DNS", str(TWO)),)}, {TWO}),
        ({"subjectAltName": (("URI", f"urn:uuid:{ONE}"), ("DNS", str(TWO)))}, {ONE, TWO}),
        ({"subjectAltName": (("URI", f"URN:UUID:{ONE}"),)}, {ONE}),
        ({"subjectAltName": (("URI", str(ONE)), ("email", str(ONE)))}, set()),
        # Spellings that Python's UUID reads, and nobody should be let in by.
        ({"subject": _subject(f"{{{ONE}}}", ONE.hex, f"urn:uuid:{ONE}")}, set()),
        ({"subject": "nonsense", "subjectAltName": ("DNS", ("a", "b", "c"))}, set()),
    ],
)
def test_who_is_named(certificate: dict[str, object], named: set[UUID]) -> None:
    assert named_uuids(certificate) == named
