from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.rate_limits import Quota, RateLimiter, refusal

PARTNER = Quota(5.0, 10)


def _taken(limiter: RateLimiter, count: int, now: float, client: str = "a") -> int:
    return sum(not limiter.ask(client, now).wait for _ in range(count))


def test_a_burst_goes_through_and_then_the_rate_holds() -> None:
    limiter = RateLimiter(PARTNER)
    assert _taken(limiter, 30, 100.0) == 10
    assert _taken(limiter, 30, 101.0) == 5
    assert _taken(limiter, 30, 101.1) == 0
    assert _taken(limiter, 30, 101.2) == 1
    assert _taken(limiter, 30, 1_000.0) == 10


def test_one_client_takes_nothing_from_another() -> None:
    limiter = RateLimiter(PARTNER)
    assert _taken(limiter, 20, 0.0, "a") == 10
    assert _taken(limiter, 20, 0.0, "b") == 10


def test_headers_say_what_is_left_and_until_when() -> None:
    limiter = RateLimiter(PARTNER)
    assert limiter.ask("a", 0.0).headers() == {
        "RateLimit-Policy": "10;w=2",
        "RateLimit-Limit": "10",
        "RateLimit-Remaining": "9",
        "RateLimit-Reset": "1",
    }
    _taken(limiter, 9, 0.0)
    refused = limiter.ask("a", 0.0)
    assert refused.wait == pytest.approx(0.2)
    assert (refused.remaining, refused.reset) == (0, 2)
    error = refusal(refused)
    assert (error.code, error.retry_after) == ("rate.exceeded", refused.wait)
    assert "5 a second" in error.detail


def test_a_longer_quota_holds_beside_the_short_one() -> None:
    limiter = RateLimiter(PARTNER, Quota(12 / 86_400, 12))
    taken = sum(_taken(limiter, 10, float(second)) for second in range(0, 60, 10))
    assert taken == 12
    refused = limiter.ask("a", 60.0)
    assert (refused.quota.burst, refused.remaining) == (12, 0)
    assert 3_600 < refused.wait < 7_201


def test_buckets_do_not_pile_up() -> None:
    limiter = RateLimiter(PARTNER, most_clients=100)
    for number in range(1_000):
        limiter.ask(f"client {number}", 0.0)
    assert len(limiter) == 100
    for number in range(1_000):
        limiter.ask("one", 10.0 + number)
    assert len(limiter) == 1


@pytest.mark.slow
@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_never_more_than_rate_and_burst_allow(gaps: list[float]) -> None:
    limiter, now, taken = RateLimiter(PARTNER), 0.0, 0
    for gap in gaps:
        now += gap
        allowed = limiter.ask("a", now)
        assert 0 <= allowed.remaining < PARTNER.burst
        taken += not allowed.wait
        assert taken <= PARTNER.burst + PARTNER.rate * now + 1e-6
        if allowed.wait:
            assert not RateLimiter.ask(limiter, "a", now + allowed.wait).wait
            taken += 1
            now += allowed.wait
