from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.diagnosis.turns import Turns


def test_first_come_first_served_for_each_key() -> None:
    turns = Turns()
    assert turns.enter(1, "a")
    assert turns.enter(2, "b")
    assert not turns.enter(3, "ab")
    assert not turns.enter(4, "b")
    assert turns.leave(2) == []
    assert turns.leave(1) == [3]
    assert turns.leave(1) == []
    assert turns.leave(3) == [4]
    assert turns.leave(4) == []
    assert len(turns) == 0


def test_whoever_gives_up_waiting_is_in_nobodys_way() -> None:
    turns = Turns()
    assert turns.enter(1, "a")
    assert not turns.enter(2, "ab")
    assert not turns.enter(3, "b")
    assert turns.leave(2) == [3]


@given(st.lists(st.one_of(st.frozensets(st.sampled_from("abcd"), min_size=1), st.integers(0, 30))))
def test_turns_exclude_each_other_and_everybody_gets_one(
    steps: list[frozenset[str] | int],
) -> None:
    turns, wants, having = Turns(), dict[int, frozenset[str]](), set[int]()

    def check() -> None:
        taken = [key for number in having for key in wants[number]]
        assert len(taken) == len(set(taken))
        waiting = [number for number in wants if number not in having]
        for number in waiting:  # somebody who was there before is in the way
            assert any(wants[other] & wants[number] for other in wants if other < number)

    for count, step in enumerate(steps):
        if isinstance(step, frozenset):
            wants[count] = step
            if turns.enter(count, step):
                having.add(count)
        elif wants:
            number = list(wants)[step % len(wants)]
            del wants[number]
            having.discard(number)
            having |= set(turns.leave(number))
        check()
    while wants:
        assert having
        number = having.pop()
        del wants[number]
        having |= set(turns.leave(number))
        check()
    assert len(turns) == 0
