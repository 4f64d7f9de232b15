"""What this process costs, and how many sockets it may have."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import msgspec

#: Sockets for the largest fleet, and room for what else a process opens.
_ROOM = 64

_PAGE_KIB = resource.getpagesize() // 1024


class Footprint(msgspec.Struct, frozen=True):
    """What a process has used at one moment.

    Attributes:
        resident_kib: memory it occupies now.
        cpu_seconds: processor time since it began.
    """

    resident_kib: int
    cpu_seconds: float


def footprint() -> Footprint:
    """Return what this process uses."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Footprint(_resident_kib(usage.ru_maxrss), usage.ru_utime + usage.ru_stime)


def collect_seldom() -> None:
    """Look for reference cycles seldom, and never in what is there already.

    A thousand dials at once make as many containers as otherwise a day does; looking through all
    of them time and again was half of what a returning fleet cost.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _resident_kib(highest: int) -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_KIB
    except OSError:
        return highest  # no /proc: the highest it ever was, which is KiB on Linux


def allow_sockets(count: int) -> int:
    """Raise the limit of open files for so many sockets, as far as the system lets us.

    Returns:
        How many sockets fit now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _ROOM
    if resource.RLIM_INFINITY not in {soft, hard} and soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    elif hard == resource.RLIM_INFINITY != soft and soft < wanted:
        soft = wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return count if soft == resource.RLIM_INFINITY else min(count, soft - _ROOM)
