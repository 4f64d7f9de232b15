from __future__ import annotations

import mmap
import resource

import pytest

from firmware_sim.fleet.footprint import allow_sockets, footprint


def test_a_process_has_a_size_and_grows_with_what_it_keeps() -> None:
    before = footprint()
    # Pages of its own: an allocator may have as much left from what was there before.
    with mmap.mmap(-1, 32 << 20) as kept:
        for _ in range(32):
            kept.write(b"x" * (1 << 20))
        after = footprint()
    assert before.resident_kib > 10_000
    assert after.resident_kib - before.resident_kib > 20_000
    assert after.cpu_seconds >= before.cpu_seconds > 0


@pytest.mark.parametrize(
    ("limits", "wanted", "set_to", "fits"),
    [
        ((1024, 20_000), 100, None, 100),
        ((1024, 20_000), 10_000, (10_064, 20_000), 10_000),
        ((1024, 4_096), 10_000, (4_096, 4_096), 4_032),
        ((1024, -1), 10_000, (10_064, -1), 10_000),
        ((-1, -1), 10_000, None, 10_000),
    ],
)
def test_the_limit_is_raised_only_as_far_as_wanted_and_allowed(
    limits: tuple[int, int],
    wanted: int,
    set_to: tuple[int, int] | None,
    fits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert resource.RLIM_INFINITY == -1
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, new: calls.append(new))
    assert allow_sockets(wanted) == fits
    assert calls == ([] if set_to is None else [set_to])
