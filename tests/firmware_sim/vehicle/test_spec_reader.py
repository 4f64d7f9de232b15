from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
import pytest
from typing_extensions import override

from firmware_sim.vehicle.marked_yaml import DocumentError, read_document
from firmware_sim.vehicle.record import Byte, Hex, Record
from firmware_sim.vehicle.spec_reader import MAX_FLAWS, read_record


class Part(Record, frozen=True, kw_only=True):
    id: Byte
    data: Hex | None = None
    kind: Literal["a", "b"] = "a"

    @override
    def complaints(self) -> Iterator[str]:
        if self.id == 13:
            yield "13 is unlucky"
            yield "and so is this"


class Whole(Record, frozen=True, kw_only=True):
    name: str
    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1)] = (Part(id=0),)
    table: dict[Byte, Hex] = {}  # noqa: RUF012 msgspec copies it for every record
    only: Part | None = None


def flaws(text: str) -> list[tuple[int, str]]:
    with pytest.raises(DocumentError) as caught:
        read_record(read_document(text), Whole)
    return [(flaw.line, flaw.text) for flaw in caught.value.flaws]


def test_a_document_becomes_a_record() -> None:
    text = (
        'name: x\nparts: [{id: 1, data: "0A 0B"}, {id: 2, kind: b}]\ntable: {3: "FF"}\nonly: null'
    )
    whole = read_record(read_document(text), Whole)
    assert whole == Whole(
        name="x",
        parts=(Part(id=1, data=Hex(b"\x0a\x0b")), Part(id=2, kind="b")),
        table={3: Hex(b"\xff")},
    )


def test_every_flaw_is_found_and_they_come_by_line() -> None:
    text = """\
parts:
  - {id: 256}
  - {id: 13}
  - {kind: c, ids: 1}
  - 7
table: {300: "00", 1: 2}
only: {id: 1, data: "0"}
"""
    assert [(line, reason.split(":")[0]) for line, reason in flaws(text)] == [
        (1, "name missing"),
        (2, "parts[0].id"),
        (3, "parts[1]"),
        (3, "parts[1]"),
        (4, "parts[2].kind"),
        (4, "parts[2]"),
        (4, "parts[2]"),
        (5, "parts[3]"),
        (6, "table[300]"),
        (6, "table[1]"),
        (7, "only.data"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: x\nparts: []", "parts: Expected `array` of length >= 1"),
        ("name: x\nparts: {a: 1}", "parts: expected a list, got members"),
        ("name: x\ntable: [1]", "table: expected members, got a list"),
        ("name: x\nonly: 5", "only: expected members, got 5"),
        ("name: x\nparts: [null]", "parts[0]: expected members, got nothing"),
        ("name: [x]", "name: Expected `str`, got `array`"),
        ("name: x\n1: 2", "unknown member 1; there are name, parts, table, only"),
        ("name: x\nnames: 2", "unknown member names, do you mean name?"),
    ],
)
def test_what_is_of_the_wrong_shape(text: str, reason: str) -> None:
    assert [found for _, found in flaws(text)] == [reason]


def test_endless_flaws_are_counted() -> None:
    found = flaws("name: x\nparts:\n" + "  - 1\n" * (MAX_FLAWS + 7))
    assert len(found) == MAX_FLAWS + 1
    assert found[-1][1] == "and 7 more"
