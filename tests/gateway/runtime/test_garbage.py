from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from gateway.runtime.garbage import YOUNG, collect_seldom


@pytest.fixture(autouse=True)
def collecting_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    # What was frozen before stays so; what was made here may go.
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class _Knot:
    def __init__(self) -> None:
        self.me = self


@pytest.mark.slow
def test_what_is_there_is_left_alone_and_cycles_that_come_are_still_found() -> None:
    kept = _Knot()
    collect_seldom()
    assert gc.get_freeze_count() > 1000
    assert not any(thing is kept for thing in gc.get_objects()), "frozen: not looked at again"
    knot = weakref.ref(_Knot())
    few = [[number] for number in range(YOUNG // 2)]
    assert knot() is not None, "not worth looking yet"
    many = [[number] for number in range(YOUNG)]
    assert knot() is None
    assert len(few) + len(many) == YOUNG + YOUNG // 2
