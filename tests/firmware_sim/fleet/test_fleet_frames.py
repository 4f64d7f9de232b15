from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.fleet.frames import LARGEST_BATCH, FrameSource
from protocols.can.batch import decode_batch
from protocols.link.messages import MonitorStart
from protocols.link.vehicle import FrameFilter

ORDER = MonitorStart("can0", 3)


@pytest.mark.slow
@given(
    st.lists(st.floats(0.001, 0.4), min_size=1, max_size=20),
    st.sampled_from([1.0, 200.0, 1000.0, 4000.0]),
)
def test_every_frame_is_shown_once_in_order_or_counted_as_lost(
    pauses: list[float], rate: float
) -> None:
    source, now, numbers, lost = FrameSource(ORDER, rate, 10.0), 10.0, list[int](), 0
    for pause in pauses:
        now += pause
        data, count = source.batch(now)
        source.taken()
        batch = decode_batch(data)
        assert batch.bus == 3
        assert len(batch.frames) == count <= LARGEST_BATCH
        lost += batch.dropped
        numbers += [int.from_bytes(frame.data, "big") for frame in batch.frames]
        assert all(frame.timestamp_us <= now * 1e6 + 1 for frame in batch.frames)
    assert numbers == sorted(set(numbers))
    assert len(numbers) + lost == int((now - 10.0) * rate)


def test_only_wanted_frames_are_shown() -> None:
    order = MonitorStart("can0", 0, (FrameFilter(0x101, 0x7FF),))
    data, count = FrameSource(order, 1000.0, 0.0).batch(0.32)
    assert count == 10
    assert {frame.id for frame in decode_batch(data).frames} == {0x101}


def test_what_the_link_did_not_take_is_told_with_the_next_batch() -> None:
    source = FrameSource(ORDER, 100.0, 0.0)
    _, count = source.batch(0.1)
    source.not_taken(count)
    data, _ = source.batch(0.2)
    assert decode_batch(data).dropped == 10
    source.taken()
    data, _ = source.batch(0.3)
    assert decode_batch(data).dropped == 0
