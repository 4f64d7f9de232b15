"""What recording costs: exchanges a second with it and without, in the same run.

Two gateways with the same stand-ins take turns; the one writes everything that is done to its
disk, the other nothing. What counts is the throughput that recording takes away, by the gateway's
own processor time: the wall clock has the operator and the stand-ins in it too.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from benchmarks.client import Client, open_client
from benchmarks.harness import Figures, Options, Report, Row, environment, latencies, medians
from benchmarks.load import ask
from benchmarks.measure import per_cpu_second, read
from benchmarks.peers.middle import GATEWAY, Middle, open_middle

TESTER_PRESENT = bytes.fromhex("3E00")

SESSIONS = (1, 50)

#: Turns that each gets; odd, so that a median was measured.
ROUNDS = 5

#: Seconds before the first measurement, so that nobody is measured cold.
WARM_UP = 0.5

_OFF = {"GATEWAY_RECORDING_ENABLED": "false"}
_STANDS = {"recorded": None, "not recorded": _OFF}


async def run(options: Options) -> Report:
    """Measure all rows."""
    return await measure(options.seconds, SESSIONS)


async def measure(seconds: float, sessions: tuple[int, ...]) -> Report:
    """Measure these numbers of sessions, for about ``seconds`` each."""
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        stands: list[tuple[str, Middle, Client]] = []
        for name, settings in _STANDS.items():
            opening = open_middle(GATEWAY, max(sessions), settings=settings)
            middle = await stack.enter_async_context(opening)
            carrier = await stack.enter_async_context(middle.operate(max(sessions), False))
            client = await stack.enter_async_context(open_client(carrier))
            await ask(client, max(sessions), TESTER_PRESENT, WARM_UP)
            stands.append((name, middle, client))
        for many in sessions:
            rows += await _compare(stands, many, seconds)
    return Report("recording", tuple(rows), environment())


async def _compare(
    stands: list[tuple[str, Middle, Client]], sessions: int, seconds: float
) -> list[Row]:
    rounds: dict[str, list[Figures]] = {name: [] for name, _, _ in stands}
    for _ in range(ROUNDS):
        for name, middle, client in stands:
            rounds[name].append(await _once(middle, client, sessions, seconds / ROUNDS))
    found = {name: medians(figures) for name, figures in rounds.items()}
    word = f"{sessions} session{'s' if sessions > 1 else ''}"
    rows = [Row(f"{name}, {word}", figures) for name, figures in found.items()]
    recorded, bare = found["recorded"], found["not recorded"]
    cost = {
        "per second %": _less(recorded["per second"], bare["per second"]),
        "per CPU s %": _less(recorded["per CPU s"], bare["per CPU s"]),
    }
    return [*rows, Row(f"recording costs, {word}", cost, "aim: under 10 %")]


def _less(value: float, whole: float) -> float:
    """Return by how many percent a value falls short of another."""
    return round(100 * (1 - value / whole), 1)


async def _once(middle: Middle, client: Client, sessions: int, seconds: float) -> Figures:
    before = read(middle)
    load = await ask(client, sessions, TESTER_PRESENT, seconds)
    after = read(middle)
    return {
        "per second": round(load.per_second, 1),
        "per CPU s": per_cpu_second(len(load.samples), before, after),
        **latencies(load.samples),
    }
