"""A fleet over several processes: who is in which, and their numbers put together again.

Ten thousand connectors in a vehicle each have a processor of their own; in one process they share
one, and when all of them dial at once it is their processor that is measured, and not the
gateway's.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from firmware_sim.fleet.percentiles import Buckets, Percentiles
from firmware_sim.fleet.tally import Fates, Progress, Summary, Tally

#: Connectors from which another process pays, as far as there are cores.
WORTH_A_PROCESS = 2_000

T = TypeVar("T")


class Share(msgspec.Struct, frozen=True):
    """Which connectors are here: every ``of``-th, from the one at ``index`` on."""

    index: int = 0
    of: int = 1

    def select(self, everybody: Sequence[T]) -> Sequence[T]:
        """Return those of this share."""
        return everybody[self.index :: self.of]

    def number(self, place: int) -> int:
        """Return the number in the whole fleet of who stands at this place in the share."""
        return self.index + place * self.of

    @classmethod
    def parse(cls, text: str) -> Share:
        """Return the share written as ``INDEX/OF``.

        Raises:
            ValueError: it is none.
        """
        index, _, of = text.partition("/")
        share = cls(int(index), int(of))
        if not 0 <= share.index < share.of:
            raise ValueError(f"{text!r} is no share of a fleet")
        return share


class ShareReport(msgspec.Struct, frozen=True, tag=True):
    """What one process has to say at its end.

    Attributes:
        summary: its numbers.
        first_dial_in: its times from dialling to the first link, which only buckets can add up.
        later_dial_in: likewise, for later ones.
        seconds: how long it ran.
        cpu_seconds: processor time it took.
        grown_kib: memory its connectors have added to it.
    """

    summary: Summary
    first_dial_in: Buckets
    later_dial_in: Buckets
    seconds: float
    cpu_seconds: float
    grown_kib: int


def processes_for(count: int, cores: int | None = None) -> int:
    """Return over how many processes a fleet of this size is spread by itself."""
    cores = os.cpu_count() or 1 if cores is None else cores
    return max(min(cores, math.ceil(count / WORTH_A_PROCESS)), 1)


def together(shares: Iterable[Progress]) -> Progress:
    """Return how far all of them have come."""
    return msgspec.convert(_sums(shares), Progress)


def report_of(
    tally: Tally, summary: Summary, *, seconds: float, cpu_seconds: float, grown_kib: int
) -> ShareReport:
    """Return what a process says at its end."""
    return ShareReport(
        summary,
        tally.first_dial_in.buckets(),
        tally.later_dial_in.buckets(),
        seconds,
        cpu_seconds,
        grown_kib,
    )


def merged(reports: Sequence[ShareReport]) -> ShareReport:
    """Return the report of the whole fleet."""
    first = Percentiles.of(report.first_dial_in for report in reports)
    later = Percentiles.of(report.later_dial_in for report in reports)
    summaries = [report.summary for report in reports]
    whole = _sums(summaries) | {
        "failed_dials": _counts(summaries, lambda summary: summary.failed_dials),
        "refusals": _counts(summaries, lambda summary: summary.refusals),
        "endings": _counts(summaries, lambda summary: summary.endings),
        "faults": _fates(summaries),
        "first_dial_in": first.times(),
        "later_dial_in": later.times(),
    }
    return ShareReport(
        msgspec.convert(whole, Summary),
        first.buckets(),
        later.buckets(),
        max(report.seconds for report in reports),
        sum(report.cpu_seconds for report in reports),
        sum(report.grown_kib for report in reports),
    )


def _sums(records: Iterable[msgspec.Struct]) -> dict[str, object]:
    """Add up every number of records of one kind; what is none is left out."""
    sums: Counter[str] = Counter()
    for record in records:
        sums.update(
            {
                name: value
                for name, value in msgspec.structs.asdict(record).items()
                if isinstance(value, int)
            }
        )
    return dict(sums)


def _counts(
    summaries: Iterable[Summary], of: Callable[[Summary], Mapping[str, int]]
) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for summary in summaries:
        counts.update(of(summary))
    return dict(counts)


def _fates(summaries: Iterable[Summary]) -> dict[str, Fates]:
    kinds: dict[str, list[Fates]] = {}
    for summary in summaries:
        for kind, fates in summary.faults.items():
            kinds.setdefault(kind, []).append(fates)
    return {kind: msgspec.convert(_sums(fates), Fates) for kind, fates in kinds.items()}
