from __future__ import annotations

import errno

import pytest
import trio
from structlog.testing import CapturingLogger
from trio.testing import MockClock, memory_stream_pair

from gateway.links.accept import accept_paced
from gateway.links.admission import Admission, AdmissionLimits
from gateway.runtime.logs import Log
from tests.support.link_world import MemoryListener


class _Door:
    """A listener whose connections are let in at a rate and stay as long as they are served."""

    def __init__(self, limits: AdmissionLimits, serves: float = 0.0) -> None:
        self.admission = Admission(limits, lambda: 0.5, trio.current_time())
        self.queue, waiting = trio.open_memory_channel[trio.abc.Stream](100)
        self.listener = MemoryListener(waiting)
        self.accepted_at: list[float] = []
        self._serves = serves

    async def handle(self, stream: trio.abc.Stream) -> None:
        self.accepted_at.append(trio.current_time())
        visit = self.admission.arrive(trio.current_time())
        await trio.sleep(self._serves)
        visit.over()
        await stream.aclose()

    def dial(self, count: int) -> None:
        for _ in range(count):
            self.queue.send_nowait(memory_stream_pair()[0])

    async def run(self, log: Log, seconds: float) -> None:
        """Accept for a while, then wait for those who are served."""
        async with trio.open_nursery() as connections:
            with trio.move_on_after(seconds):
                await accept_paced(self.listener, self.handle, connections, self.admission, log)


async def test_who_has_no_turn_stays_in_the_queue(log: Log, autojump_clock: MockClock) -> None:
    door, began = _Door(AdmissionLimits(rate=2.0)), trio.current_time()
    door.dial(7)
    await door.run(log, 1.4)
    assert [at - began for at in door.accepted_at] == pytest.approx([0, 0, 0.5, 1])


async def test_the_listener_closes_and_those_accepted_are_served_to_the_end(
    log: Log, autojump_clock: MockClock
) -> None:
    door, began = _Door(AdmissionLimits(), serves=5.0), trio.current_time()
    door.dial(3)
    await door.run(log, 1.0)
    assert trio.current_time() - began == pytest.approx(5.0)
    with pytest.raises(trio.BrokenResourceError):
        door.dial(1)


async def test_a_machine_without_descriptors_is_waited_for(
    log: Log, logged: CapturingLogger, autojump_clock: MockClock
) -> None:
    door = _Door(AdmissionLimits())
    door.listener.failures = [OSError(errno.EMFILE, "x"), OSError(errno.ENOBUFS, "x")]
    door.dial(1)
    await door.run(log, 10.0)
    assert len(door.accepted_at) == 1
    reasons = [call.kwargs["reason"] for call in logged.calls]
    assert reasons == ["No buffer space available", "Too many open files"]


async def test_another_failure_is_the_services_own(log: Log) -> None:
    door = _Door(AdmissionLimits())
    door.listener.failures = [OSError(errno.EINVAL, "not listening")]
    with pytest.RaisesGroup(OSError):
        await door.run(log, 1.0)
