from __future__ import annotations

from protocols.can.frame import CanFrame
from protocols.socketcand.echoes import REMEMBERED, SHOWN_WITHIN, Echoes

ONE, OTHER = CanFrame(0x123, b"\x01"), CanFrame(0x123, b"\x02")


def test_each_frame_is_recognised_once() -> None:
    echoes = Echoes()
    echoes.sent([ONE, ONE], 0.0)
    assert [echoes.is_own(ONE, 0.1) for _ in range(3)] == [True, True, False]


def test_frames_of_others_are_not_ours() -> None:
    echoes = Echoes()
    assert not echoes.is_own(ONE, 0.0)
    echoes.sent([ONE], 0.0)
    assert not echoes.is_own(OTHER, 0.1)
    assert not echoes.is_own(CanFrame(0x123, b"\x01", extended=True), 0.1)


def test_what_the_bus_did_not_show_in_time_is_somebody_elses() -> None:
    echoes = Echoes()
    echoes.sent([ONE], 0.0)
    assert not echoes.is_own(ONE, SHOWN_WITHIN + 0.1)
    echoes.sent([ONE], 10.0)
    assert echoes.is_own(ONE, 10.1)


def test_memory_is_bounded() -> None:
    echoes = Echoes()
    for _ in range(3):
        echoes.sent(
            [CanFrame(number % 0x800, number.to_bytes(4, "big")) for number in range(REMEMBERED)],
            0.0,
        )
    assert len(echoes) <= REMEMBERED
    echoes.sent([ONE], SHOWN_WITHIN + 1)
    assert len(echoes) == 1
    assert len(echoes._until) == 1


def test_the_bound_does_not_forget_newer_frames_that_look_the_same() -> None:
    echoes = Echoes()
    echoes.sent([ONE], 0.0)
    assert echoes.is_own(ONE, 0.1)
    echoes.sent([ONE], 1.0)
    echoes.sent([OTHER], SHOWN_WITHIN + 0.5)  # the first one's time is over
    assert echoes.is_own(ONE, SHOWN_WITHIN + 0.6)
