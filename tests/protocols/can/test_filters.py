"""Filters: SocketCAN's rule, alone and compiled into a set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.filters import REMEMBERED, CanFilter, FilterSet
from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError

IDS = st.integers(0, 0x7FF)


def test_an_exact_filter_wants_one_identifier_of_one_format() -> None:
    rule = CanFilter(0x7E8)
    assert rule.matches(CanFrame(0x7E8))
    assert not rule.matches(CanFrame(0x7E9))
    assert not rule.matches(CanFrame(0x7E8, extended=True))
    assert not rule.matches(CanFrame(0x7E8, error=True))


def test_a_mask_wants_a_range() -> None:
    rule = CanFilter(0x7E8, 0x7F8)
    assert [i for i in range(0x7DF, 0x7F8) if rule.matches(CanFrame(i))] == list(
        range(0x7E8, 0x7F0)
    )
    assert CanFilter(0, 0, extended=True).matches(CanFrame(0x18DAF110, extended=True))


@given(rules=st.lists(st.tuples(IDS, IDS), max_size=5), ids=st.lists(IDS, max_size=20))
def test_a_set_agrees_with_its_rules_however_often_it_is_asked(
    rules: list[tuple[int, int]], ids: list[int]
) -> None:
    filters = [CanFilter(i, mask) for i, mask in rules]
    chosen = FilterSet(filters)
    for i in ids * 2:
        frame = CanFrame(i)
        expected = not filters or any(rule.matches(frame) for rule in filters)
        assert chosen.matches(frame) == expected


def test_a_remembered_verdict_is_never_taken_for_the_other_format() -> None:
    chosen = FilterSet([CanFilter(0x123)])
    assert chosen.matches(CanFrame(0x123))
    assert not chosen.matches(CanFrame(0x123, extended=True))
    assert chosen.matches(CanFrame(0x123))


def test_error_frames_pass_by_their_own_switch() -> None:
    error = CanFrame(0x20, bytes(8), error=True)
    assert FilterSet([CanFilter(0x20)]).matches(error)
    assert not FilterSet(errors=False).matches(error)


def test_the_memory_of_verdicts_stays_bounded() -> None:
    chosen = FilterSet([CanFilter(0x10, extended=True)])
    for i in range(REMEMBERED + 100):
        assert chosen.matches(CanFrame(i, extended=True)) == (i == 0x10)
    assert len(chosen._verdicts) <= REMEMBERED


@pytest.mark.parametrize(
    ("identifier", "mask", "extended"),
    [(0x800, 0x7FF, False), (-1, 0, False), (0x20000000, 0, True), (0, -1, True)],
)
def test_a_filter_out_of_range_is_refused(identifier: int, mask: int, extended: bool) -> None:
    with pytest.raises(LocalProtocolError):
        CanFilter(identifier, mask, extended)
