"""The suites, by name; each module has ``async def run(options) -> Report``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.harness import Options, Report
from benchmarks.suites import (
    backoffice,
    cluster,
    doors,
    exchange,
    flash,
    link_exchanges,
    link_frames,
    link_fuzz,
    link_idle,
    link_return,
    portal,
    recording,
    uds,
)

Suite = Callable[[Options], Awaitable[Report]]

#: One question each.
QUESTIONS: dict[str, Suite] = {
    "doors": doors.run,
    "backoffice": backoffice.run,
    "cluster": cluster.run,
    "exchange": exchange.run,
    "flash": flash.run,
    "link-idle": link_idle.run,
    "link-return": link_return.run,
    "link-exchanges": link_exchanges.run,
    "link-frames": link_frames.run,
    "link-fuzz": link_fuzz.run,
    "recording": recording.run,
    "portal": portal.run,
    "uds": uds.run,
}

#: Several questions under one name.
GROUPS: dict[str, tuple[str, ...]] = {
    "link": tuple(name for name in QUESTIONS if name.startswith("link-")),
}


def chosen(names: list[str]) -> list[str]:
    """Return the questions behind these names, each once; all of them where none is named.

    Raises:
        KeyError: there is none of a name.
    """
    questions: list[str] = []
    for name in names or QUESTIONS:
        questions += GROUPS.get(name, (name,))
    unknown = [name for name in questions if name not in QUESTIONS]
    if unknown:
        raise KeyError(unknown[0])
    return list(dict.fromkeys(questions))
