from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.spans import Spans

EDGES = st.tuples(st.integers(0, 30), st.integers(0, 30))


@given(st.lists(st.tuples(st.booleans(), EDGES), max_size=12), EDGES)
def test_spans_are_a_set_of_addresses(
    steps: list[tuple[bool, tuple[int, int]]], asked: tuple[int, int]
) -> None:
    spans, model = Spans(), set[int]()
    for add, (start, end) in steps:
        if add:
            spans.add(start, end)
            model |= set(range(start, end))
        else:
            spans.remove(start, end)
            model -= set(range(start, end))
    assert bool(spans) == bool(model)
    assert spans.cover(*asked) == (set(range(*asked)) <= model)


def test_leaving_out_nothing_splits_nothing() -> None:
    spans = Spans([(0, 2)])
    spans.remove(1, 1)
    assert spans.cover(0, 2)


def test_it_begins_with_what_it_is_given() -> None:
    assert Spans([(0, 4), (4, 8)]).cover(0, 8)
    assert not Spans([(0, 4), (5, 8)]).cover(0, 8)
