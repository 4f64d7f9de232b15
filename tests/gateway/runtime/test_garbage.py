from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from gateway.runtime.garbage import YOUNG, collect_seldom, not_looking


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


def test_nobody_looks_during_imports_and_then_as_before() -> None:
    gc.enable()
    with not_looking():
        assert not gc.isenabled()
        with not_looking():
            pass
        assert not gc.isenabled(), "that is the outer block's to end"
    assert gc.isenabled()


#: In a process of its own: in this one there is room left from other tests.
FREED = """
from pathlib import Path
from gateway.runtime.garbage import collect_seldom
def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
blocks = [b"x" * 4000 + bytes([number % 256]) for number in range(16_000)]
# One that stays at the end: the library gives back by itself only what nothing lies behind.
last = bytes(4000)
del blocks
before = resident_mib()
collect_seldom()
print(before - resident_mib(), len(last))
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="other C libraries give back by themselves",
)
def test_what_starting_has_freed_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, text=True, timeout=50, check=True
    )
    assert float(done.stdout.split()[0]) > 30
