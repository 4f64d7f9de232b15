from __future__ import annotations

import pytest

from firmware_sim.vehicle.dialogue import Refusal, Request


def test_answers_repeat_the_sub_function_only_where_there_is_one() -> None:
    assert Request(b"\x22\x06\x00", 0.0).answer(b"\x01") == b"\x62\x01"
    assert Request(b"\x10\x83", 0.0, sub=3).answer(b"\x01") == b"\x50\x03\x01"
    assert Request(b"\x22\x06\x01", 0.0).word_at(1) == 0x0601


def test_wrong_lengths_are_refused_with_0x13() -> None:
    request = Request(b"\x22\x06", 0.0)
    request.expect_length(1, 2)
    request.expect_at_least(2)
    with pytest.raises(Refusal) as caught:
        request.expect_length(3)
    assert caught.value.code == 0x13
    with pytest.raises(Refusal) as caught:
        request.expect_at_least(3)
    assert caught.value.code == 0x13
