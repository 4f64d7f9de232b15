from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from gateway.decoding.questions import Meaning
from gateway.sessions.exchange import Answer
from gateway.sessions.explaining import Descriptions, explained, unexplained
from protocols.link.vehicle import CanTarget, DoipTarget, Target

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ANSWERS = (
    Answer(0x7E8, b"\x62\xf4\x05\x5a", 0, NOON, NOON),
    Answer(0x7E9, b"\x7f", 0, NOON, NOON),
)


class Book(Descriptions):
    """Descriptions that say the same of everything, and remember what they were asked."""

    def __init__(self, meanings: Sequence[Meaning | None] | None) -> None:
        self.meanings = meanings
        self.asked: list[tuple[object, ...]] = []

    @override
    def none_for(self, provider: int, vin: str | None) -> bool:
        return self.meanings is None

    @override
    async def exchange(
        self,
        provider: int,
        vin: str | None,
        addresses: tuple[int, ...],
        request: bytes,
        answers: tuple[bytes, ...],
    ) -> Sequence[Meaning | None] | None:
        self.asked.append((provider, vin, addresses, request, answers))
        return self.meanings


async def test_request_and_answers_say_what_they_mean() -> None:
    book = Book([{"service": "Read"}, {"values": []}, None])
    body = await explained(book, (7, "WVW"), CanTarget(0x7E0, 0x7E8), b"\x22", ANSWERS)
    bare = unexplained(ANSWERS)["responses"]
    assert isinstance(bare, list)
    assert body == {
        "responses": [bare[0] | {"decoded": {"values": []}}, bare[1] | {"decoded": None}],
        "decoded": {"service": "Read"},
    }
    assert book.asked == [(7, "WVW", (0x7E0, 0x7E8), b"\x22", (b"\x62\xf4\x05\x5a", b"\x7f"))]


@pytest.mark.parametrize("meanings", [None, [None, None, None]])
async def test_what_nobody_knows_stays_as_it_is(
    meanings: Sequence[Meaning | None] | None,
) -> None:
    target = CanTarget(0x7E0, 0x7E8)
    assert await explained(Book(meanings), (7, None), target, b"\x22", ANSWERS) == unexplained(
        ANSWERS
    )


@pytest.mark.parametrize(
    ("target", "addresses"),
    [
        (DoipTarget(0x1001), (0x1001,)),
        (CanTarget(0x7DF), (0x7E8, 0x7E9)),
    ],
)
async def test_control_units_are_known_by_whom_was_asked_or_by_who_answered(
    target: Target, addresses: tuple[int, ...]
) -> None:
    book = Book(None)
    await explained(book, (7, None), target, b"\x3e", ANSWERS)
    assert book.asked[0][2] == addresses
