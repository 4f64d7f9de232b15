from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.marked_yaml import DocumentError, Marked, read_document

TEXT = """\
# a comment
name: golf
sizes: [1, 0x10, 2.5, true, null, 2026-11-20]
defaults: &defaults {p2: 1, s3: 5}
timing:
  <<: *defaults
  p2: 2
"""


def flaws(text: str) -> list[tuple[int, str]]:
    with pytest.raises(DocumentError) as caught:
        read_document(text)
    return [(flaw.line, flaw.text) for flaw in caught.value.flaws]


def test_values_are_plain_and_know_their_line() -> None:
    document = read_document(TEXT)
    assert document.plain() == {
        "name": "golf",
        "sizes": [1, 16, 2.5, True, None, "2026-11-20"],
        "defaults": {"p2": 1, "s3": 5},
        "timing": {"p2": 2, "s3": 5},
    }
    assert isinstance(document.value, dict)
    assert {str(key): member.line for key, member in document.value.items()} == {
        "name": 2, "sizes": 3, "defaults": 4, "timing": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, "a is given twice")),
        ("a: 1\n? [x]\n: 2\n", (2, "a key is a name or a number")),
        ("a: 1\nb: !mine {}\n", (2, "tags like '!mine' have no meaning here")),
        ("a: !!python/name:os.system x\n", (1, "tags like")),
        ("a: {\n", (2, "while parsing a flow node")),
        ("a: 1\n---\nb: 2\n", (2, "expected a single document")),
        ("# nothing\n", (1, "the file is empty")),
        ("a: *nobody\n", (1, "undefined alias")),
        ("a: \x00\n", (1, "")),
    ],
)
def test_what_no_vehicle_needs_is_refused_with_its_line(
    text: str, expected: tuple[int, str]
) -> None:
    line, reason = flaws(text)[0]
    assert line == expected[0]
    assert expected[1] in reason


def test_aliases_cannot_multiply_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    assert "too large" in flaws("\n".join(lines))[0][1]
    assert "too large" in flaws("&a [*a]")[0][1]


@given(st.text(alphabet="ab:-[]{}&*!?|>'\"# \n\t0123456789.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(DocumentError):
        assert isinstance(read_document(text), Marked)
