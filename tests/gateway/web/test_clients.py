from __future__ import annotations

import pytest
from quart import Response, request
from quart_trio import QuartTrio

from gateway.web.clients import client_address


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ([], 0, "192.0.2.7"),
        (["198.51.100.1"], 0, "192.0.2.7"),
        (["198.51.100.1"], 1, "198.51.100.1"),
        (["10.0.0.1, 198.51.100.1"], 1, "198.51.100.1"),
        (["10.0.0.1", "198.51.100.1"], 1, "198.51.100.1"),
        (["198.51.100.1, 203.0.113.9"], 2, "198.51.100.1"),
        (["203.0.113.9"], 2, "192.0.2.7"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["spoof<script>"], 1, "192.0.2.7"),
        ([], 1, "192.0.2.7"),
    ],
)
async def test_only_what_our_own_proxies_wrote_is_believed(
    forwarded: list[str], trusted: int, address: str
) -> None:
    app = QuartTrio(__name__)

    @app.get("/")
    async def whoami() -> Response:
        return Response(client_address(request, trusted))

    headers = [("X-Forwarded-For", value) for value in forwarded]
    response = await app.test_client().get(
        "/", headers=headers, scope_base={"client": ("192.0.2.7", 4711)}
    )
    assert await response.get_data(as_text=True) == address
