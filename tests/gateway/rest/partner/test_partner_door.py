from __future__ import annotations

import pytest

from gateway.config import PartnerApiSettings
from gateway.rest.partner.door import limiter_of
from gateway.web.rate_limits import Quota
from tests.gateway.partners import Provider, open_provider
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow


async def test_strangers_are_turned_away_uncounted(provider: Provider) -> None:
    for token, code in ((None, "token.missing"), ("other", "token.unknown")):
        await provider.refused("GET", "/customers", status=401, code=code, token=token)
    answer = await provider.call("GET", "/customers", token=None)
    assert "RateLimit-Limit" not in answer.headers
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_each_client_asks_so_often(workshop: Workshop, clock: SettableClock) -> None:
    async with open_provider(workshop, clock, Quota(0.5, 3)) as provider:
        left = []
        for _ in range(3):
            answer = await provider.call("GET", "/customers")
            assert answer.status_code == 200
            left.append(answer.headers["RateLimit-Remaining"])
        assert left == ["2", "1", "0"]
        refused = await provider.call("GET", "/customers")
        assert refused.status_code == 429
        assert (await refused.get_json())["code"] == "rate.exceeded"
        assert refused.headers["Retry-After"] in {"1", "2"}
        assert refused.headers["RateLimit-Policy"] == "3;w=6"
        assert (await provider.call("GET", "/customers", token="mate")).status_code == 200


def test_the_published_limits_are_the_default() -> None:
    limiter = limiter_of(PartnerApiSettings())
    assert sum(not limiter.ask("a", 0.0).wait for _ in range(50)) == 10
    taken = sum(not limiter.ask("a", 1 + second / 5).wait for second in range(60_000))
    assert taken == pytest.approx(50_000 - 10 + 12_000 * 50_000 / 86_400, abs=2)
