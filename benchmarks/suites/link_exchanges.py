"""How many exchanges a second pass, how long they take, and what they cost, by sessions.

One operator asks for tester present over one socket; stand-ins answer at once, so what is left
is the way. Everything measured is up at the same time and takes turns, in several rounds, and the
medians count: whatever else the machine does falls on all of them.

    as fast as answered   each session asks anew when it has its answer
    half load             half of what the gateway managed, evenly: what a request waits then
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.client import Client, open_client
from benchmarks.harness import Figures, Options, Report, Row, environment, latencies, medians
from benchmarks.load import Load, ask, ask_at
from benchmarks.measure import against, per_cpu_second, read, shares
from benchmarks.peers.middle import GATEWAY, NAMES, Middle, missing, open_middle
from benchmarks.sizes import exchange

TESTER_PRESENT, POSITIVE = bytes.fromhex("3E00"), bytes.fromhex("7E00")

SESSIONS = (1, 50, 200)

#: Turns that everybody gets; odd, so that a median was measured.
ROUNDS = 3

#: Seconds before the first measurement, so that nobody is measured cold.
WARM_UP = 0.5

#: What the targets of a gateway on one core are.
_AIMS = {1: "aim: p50 under 0.5 ms", 200: "aim: 8,000 per CPU s and 60 % of the websocket relay"}


@dataclass(frozen=True, slots=True)
class Stand:
    """One of those compared, with an operator connected."""

    middle: Middle
    client: Client


Ask = Callable[[Client], Awaitable[Load]]


async def run(options: Options) -> Report:
    """Measure all rows."""
    return await measure(options.seconds, SESSIONS)


async def measure(
    seconds: float, sessions: tuple[int, ...], kinds: tuple[str, ...] = tuple(NAMES)
) -> Report:
    """Measure these numbers of sessions over these kinds, for about ``seconds`` each."""
    rows = [Row(NAMES[kind], {}, missing(kind)) for kind in kinds if missing(kind)]
    present = [kind for kind in kinds if not missing(kind)]
    async with _stands(present, max(sessions)) as stands:
        for many in sessions:
            rows += await _at_full_load(stands, many, seconds)
        rows += await _at_half_load(stands, rows, min(sessions[-1], 50), seconds)
    return Report("link-exchanges", (*rows, _computed()), environment())


@asynccontextmanager
async def _stands(kinds: list[str], sessions: int) -> AsyncIterator[list[Stand]]:
    async with AsyncExitStack() as stack:
        stands = []
        for kind in kinds:
            middle = await stack.enter_async_context(open_middle(kind, sessions))
            carrier = await stack.enter_async_context(middle.operate(sessions, False))
            client = await stack.enter_async_context(open_client(carrier))
            await ask(client, sessions, TESTER_PRESENT, WARM_UP)
            stands.append(Stand(middle, client))
        yield stands


async def _at_full_load(stands: list[Stand], sessions: int, seconds: float) -> list[Row]:
    async def ask_all(client: Client) -> Load:
        return await ask(client, sessions, TESTER_PRESENT, seconds / ROUNDS)

    found = await _take_turns(stands, ask_all)
    return [
        Row(
            f"{stand.middle.name}, {sessions} session{'s' if sessions > 1 else ''}",
            figures,
            _AIMS.get(sessions, "")
            if stand.middle.kind == GATEWAY
            else against(found[0], figures, "per CPU s"),
        )
        for stand, figures in zip(stands, found, strict=True)
    ]


async def _at_half_load(
    stands: list[Stand], rows: list[Row], sessions: int, seconds: float
) -> list[Row]:
    fastest = next(row for row in reversed(rows) if row.name.startswith(NAMES[GATEWAY]))
    rate = fastest.figures["per second"] / 2

    async def ask_evenly(client: Client) -> Load:
        return await ask_at(client, sessions, TESTER_PRESENT, rate, seconds / ROUNDS)

    found = await _take_turns(stands, ask_evenly)
    measured = [
        Row(f"{stand.middle.name}, half load", figures)
        for stand, figures in zip(stands, found, strict=True)
    ]
    least = min(figures["p99 ms"] for figures in found)
    added = {"p99 ms": round(found[0]["p99 ms"] - least, 3)}
    return [*measured, Row("added by the gateway, half load", added, "aim: p99 under 5 ms")]


async def _take_turns(stands: list[Stand], work: Ask) -> list[dict[str, float]]:
    rounds: list[list[Figures]] = [[] for _ in stands]
    for _ in range(ROUNDS):
        for stand, figures in zip(stands, rounds, strict=True):
            figures.append(await _once(stand, work))
    return [medians(figures) for figures in rounds]


async def _once(stand: Stand, work: Ask) -> Figures:
    before = read(stand.middle)
    load = await work(stand.client)
    after = read(stand.middle)
    count, wire = len(load.samples), after.wire.since(before.wire)
    return {
        "per second": round(load.per_second, 1),
        "per CPU s": per_cpu_second(count, before, after),
        **latencies(load.samples),
        **shares(before, after),
        "B each": round((wire.sent + wire.received) / count, 1),
        "segments each": round(wire.segments / count, 2),
    }


def _computed() -> Row:
    there, back = exchange(TESTER_PRESENT, POSITIVE)
    note = f"{there} B to the connector, {back} B from it, without acknowledgements of their own"
    return Row("one exchange on the link, computed", {"B each": float(there + back)}, note)
