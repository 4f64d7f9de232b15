"""When this process looks for reference cycles.

Python looks whenever 700 more containers were made than dropped, and through all of them again
whenever a quarter has come on top. Ten thousand links that begin within half a minute make
millions; measured with three thousand, 45 % of the gateway's processor time went into looking, in
pauses of up to half a second, and found nothing. Almost everything here is dropped by its last
reference, so looking seldom is enough.

Starting needs more memory for a moment than running does: reading modules, declarations and, at a
first start, the schema's revisions. The C library keeps what was freed; 15 to 25 MiB of it go
back to the system when asked for.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: More containers made than dropped until the youngest are looked through (about as many as 300
#: links have), then how often until the next older ones are.
YOUNG, MIDDLE, OLD = 50_000, 20, 50


@contextmanager
def not_looking() -> Iterator[None]:
    """Look for no cycles during the block: imports make what stays, and take a tenth less time."""
    was_looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_looking:
            gc.enable()


def collect_seldom() -> None:
    """Never look at what is there now again, and at what comes seldom; give back what is free.

    For a program whose parts have just started: modules, routes and tables stay until its end.
    """
    gc.collect()
    _give_back()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def _give_back() -> None:
    if sys.platform == "linux":
        # Of glibc; other C libraries give back by themselves.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
