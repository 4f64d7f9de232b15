from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import SecuritySettings
from gateway.domain.errors import Throttled, Unavailable
from gateway.identity import throttle as throttling
from gateway.identity.throttle import Throttle, network_of

SETTINGS = SecuritySettings(
    attempts_per_address=3, attempts_overall=10, lockout_first=30.0, lockout_longest=100.0
)


def fail(throttle: Throttle, address: str, now: float) -> None:
    with throttle.attempt(address, now):
        pass


def lose_the_database(throttle: Throttle) -> None:
    with throttle.attempt("192.0.2.1", 0.0):
        raise Unavailable("storage.unavailable", "gone")


def refused_for(throttle: Throttle, address: str, now: float) -> float | None:
    with pytest.raises(Throttled) as caught:
        fail(throttle, address, now)
    assert caught.value.code == "identity.too_many_attempts"
    return caught.value.retry_after


def test_an_address_is_locked_after_its_attempts_and_longer_each_time() -> None:
    throttle = Throttle(SETTINGS)
    for _ in range(3):
        fail(throttle, "192.0.2.1", 0.0)
    assert refused_for(throttle, "192.0.2.1", 1.0) == 29.0
    fail(throttle, "192.0.2.1", 30.0)
    assert refused_for(throttle, "192.0.2.1", 30.0) == 60.0
    fail(throttle, "192.0.2.1", 90.0)
    assert refused_for(throttle, "192.0.2.1", 90.0) == 100.0  # the longest


def test_another_address_is_not_touched() -> None:
    throttle = Throttle(SETTINGS)
    for _ in range(3):
        fail(throttle, "192.0.2.1", 0.0)
    fail(throttle, "192.0.2.2", 0.0)
    assert refused_for(throttle, "192.0.2.1", 0.0) == 30.0


def test_attempts_side_by_side_all_count() -> None:
    throttle = Throttle(SETTINGS)
    open_ones = [throttle.attempt("192.0.2.1", 0.0) for _ in range(3)]
    for one in open_ones:
        one.__enter__()
    assert refused_for(throttle, "192.0.2.1", 0.0) == 30.0
    for one in open_ones:
        one.__exit__(None, None, None)


def test_a_success_is_taken_back_and_earlier_failures_stay() -> None:
    throttle = Throttle(SETTINGS)
    fail(throttle, "192.0.2.1", 0.0)
    fail(throttle, "192.0.2.1", 0.0)
    for _ in range(50):
        with throttle.attempt("192.0.2.1", 0.0) as attempt:
            attempt.succeeded()
    fail(throttle, "192.0.2.1", 0.0)
    assert refused_for(throttle, "192.0.2.1", 0.0) == 30.0


def test_what_could_not_be_judged_is_no_guess() -> None:
    throttle = Throttle(SETTINGS)
    for _ in range(20):
        with pytest.raises(Unavailable):
            lose_the_database(throttle)
    fail(throttle, "192.0.2.1", 0.0)


def test_all_addresses_together_have_a_limit_for_a_minute() -> None:
    throttle = Throttle(SETTINGS)
    for number in range(10):
        fail(throttle, f"192.0.2.{number}", 100.0)
    assert refused_for(throttle, "198.51.100.1", 110.0) == 50.0
    fail(throttle, "198.51.100.1", 160.0)


def test_failures_of_an_address_are_forgotten_after_an_hour() -> None:
    throttle = Throttle(SETTINGS)
    fail(throttle, "192.0.2.1", 0.0)
    fail(throttle, "192.0.2.1", 0.0)
    fail(throttle, "192.0.2.1", 3_600.0)
    fail(throttle, "192.0.2.1", 3_600.0)


def test_the_table_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "MOST_ADDRESSES", 5)
    throttle = Throttle(SecuritySettings(attempts_overall=10_000))
    for number in range(100):
        fail(throttle, f"192.0.2.{number}", 0.0)
    assert len(throttle._addresses) == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_who_has_a_network_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 50)), max_size=40))
def test_nobody_ever_has_more_open_failures_than_the_limit_before_a_lock(
    steps: list[tuple[str, bool, float]],
) -> None:
    throttle = Throttle(SETTINGS)
    now = 0.0
    failures = dict.fromkeys("abc", 0)
    waits: list[float] = []
    for address, good, pause in steps:
        now += pause
        try:
            with throttle.attempt(address, now) as attempt:
                if good:
                    attempt.succeeded()
                failures[address] += not good
        except Throttled as refused:
            waits.append(refused.retry_after or 0.0)
    assert all(0 < wait <= 100.0 for wait in waits)
    # Locks of 30, 60, 100, 100 ... seconds bound what fits into the time that passed.
    assert all(count <= 3 + now / 30.0 for count in failures.values())
