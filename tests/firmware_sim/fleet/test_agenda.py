from __future__ import annotations

from functools import partial

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from firmware_sim.fleet.agenda import Agenda


@pytest.mark.slow
@given(st.lists(st.floats(0, 1000), max_size=30))
def test_every_appointment_is_kept_in_its_order_and_on_time(delays: list[float]) -> None:
    kept: list[tuple[float, float]] = []

    async def run() -> None:
        agenda = Agenda()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(agenda.run)
            began = trio.current_time()

            def keep(delay: float) -> None:
                kept.append((delay, trio.current_time() - began))

            for delay in delays:
                agenda.after(delay, partial(keep, delay))
            await trio.sleep(1001)
            nursery.cancel_scope.cancel()
        assert len(agenda) == 0

    trio.run(run, clock=MockClock(autojump_threshold=0))
    assert [due for due, _ in kept] == sorted(delays)
    assert all(at == pytest.approx(due, abs=1e-6) for due, at in kept)


async def test_a_sooner_appointment_is_not_kept_waiting(autojump_clock: MockClock) -> None:
    agenda, kept = Agenda(), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(agenda.run)
        agenda.after(100, lambda: kept.append("late"))
        await trio.sleep(1)
        agenda.after(1, lambda: kept.append("soon"))
        await trio.sleep(2)
        assert kept == ["soon"]
        nursery.cancel_scope.cancel()


async def test_a_cancelled_appointment_is_not_kept(autojump_clock: MockClock) -> None:
    agenda, kept = Agenda(), list[str]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(agenda.run)
        appointment = agenda.after(1, lambda: kept.append("no"))
        agenda.after(1, lambda: kept.append("yes"))
        appointment.cancel()
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert kept == ["yes"]
