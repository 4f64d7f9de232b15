from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.link.envelope import (
    HEADER_SIZE,
    MAX_NUMBER,
    Envelope,
    distance,
    following,
    pack,
    unpack,
)
from protocols.link.messages import MAX_ENVELOPE, Channel, CloseCode

NUMBERS = st.integers(1, MAX_NUMBER)


@pytest.mark.parametrize(
    ("envelope", "golden"),
    [
        (Envelope(Channel.CONTROL, 0, 0, b"\x91\x08"), "00 00000000 00000000 9108"),
        (Envelope(Channel.EXCHANGE, 7, 6, b"body"), "01 00000007 00000006 626f6479"),
        (Envelope(Channel.FRAME, 0, MAX_NUMBER, b""), "04 00000000 ffffffff"),
    ],
)
def test_golden_bytes(envelope: Envelope, golden: str) -> None:
    assert pack(*envelope) == bytes.fromhex(golden)
    assert unpack(bytes.fromhex(golden)) == envelope


@pytest.mark.slow
@given(
    st.sampled_from(Channel),
    st.integers(0, MAX_NUMBER),
    st.integers(0, MAX_NUMBER),
    st.binary(max_size=64),
)
def test_what_is_packed_is_unpacked(
    channel: Channel, number: int, acknowledged: int, body: bytes
) -> None:
    packed = pack(channel, number, acknowledged, body)
    assert unpack(packed) == Envelope(channel, number, acknowledged, body)


@pytest.mark.slow
@given(st.binary(max_size=40))
def test_any_bytes_are_an_envelope_or_a_remote_error(data: bytes) -> None:
    if len(data) >= HEADER_SIZE and data[0] <= Channel.FRAME:
        assert pack(*unpack(data)) == data
        return
    with pytest.raises(RemoteProtocolError) as refused:
        unpack(data)
    assert refused.value.code == CloseCode.PROTOCOL


def test_an_envelope_has_an_upper_bound() -> None:
    body = bytes(MAX_ENVELOPE - HEADER_SIZE)
    assert unpack(pack(Channel.FRAME, 0, 0, body)).body == body
    with pytest.raises(RemoteProtocolError, match="exceed the limit") as refused:
        unpack(pack(Channel.FRAME, 0, 0, body + b"x"))
    assert refused.value.code == CloseCode.TOO_LARGE


# --- serial numbers ------------------------------------------------------------------------


def test_numbers_skip_zero_when_they_wrap() -> None:
    assert [following(0), following(1), following(MAX_NUMBER - 1)] == [1, 2, MAX_NUMBER]
    assert following(MAX_NUMBER) == 1


@pytest.mark.parametrize(
    ("later", "earlier", "steps"),
    [
        (1, 0, 1),
        (0, 0, 0),
        (0, 1, -1),
        (1, MAX_NUMBER, 1),
        (MAX_NUMBER, 1, -1),
        (2, MAX_NUMBER - 1, 3),
        (MAX_NUMBER, MAX_NUMBER, 0),
        (5, 3, 2),
        # Before its first message a sender stands at 0, which is where the cycle ends as well.
        (MAX_NUMBER, 0, 0),
    ],
)
def test_distance_around_the_wrap(later: int, earlier: int, steps: int) -> None:
    assert distance(later, earlier) == steps


@given(NUMBERS)
def test_the_following_number_is_one_step_away(number: int) -> None:
    assert 1 <= following(number) <= MAX_NUMBER
    assert distance(following(number), number) == 1
    assert distance(number, following(number)) == -1


@pytest.mark.slow
@given(NUMBERS, st.integers(0, 2000))
def test_distance_counts_steps(number: int, steps: int) -> None:
    later = number
    for _ in range(steps % 50):
        later = following(later)
    assert distance(later, number) == steps % 50


@given(NUMBERS, NUMBERS)
def test_distance_is_the_same_both_ways(one: int, other: int) -> None:
    there, back = distance(one, other), distance(other, one)
    assert there == -back or abs(there) == abs(back) == MAX_NUMBER // 2 + 1
