from __future__ import annotations

from collections.abc import Iterator

import pytest
from typing_extensions import override

from firmware_sim.vehicle.record import Record, SpecError, twice


class Pair(Record, frozen=True, kw_only=True):
    low: int
    high: int = 9

    @override
    def complaints(self) -> Iterator[str]:
        if self.low > self.high:
            yield "low above high"
        if self.low < 0:
            yield "low below zero"


def test_a_record_names_all_that_is_wrong_with_it() -> None:
    assert Pair(low=1).high == 9
    with pytest.raises(SpecError, match="low above high; low below zero") as caught:
        Pair(low=-1, high=-2)
    assert caught.value.complaints == ("low above high", "low below zero")


def test_values_that_occur_twice() -> None:
    assert list(twice("id", "abc")) == []
    assert list(twice("id", "abcab")) == ["id declared twice: a, b"]
