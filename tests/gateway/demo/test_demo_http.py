from __future__ import annotations

import httpx2
import pytest

from gateway.demo.http import JsonClient, StoryError
from tests.gateway.demo.answering import Gateway


def client_of(gateway: Gateway) -> JsonClient:
    client = JsonClient("http://gateway.example/api", "customer")
    gateway.answering(client)
    return client


async def test_json_goes_both_ways_with_the_token() -> None:
    gateway = Gateway({"POST /api/a": {"b": 1}, "GET /api/a": [2], "DELETE /api/a": (204, None)})
    client = client_of(gateway)
    assert await client.post("/a", {"x": "y"}) == {"b": 1}
    client.sign("secret")
    assert await client.get("/a", limit=1) == [2]
    assert await client.delete("/a") is None  # type: ignore[func-returns-value] # that is it
    assert gateway.asked == ["POST /api/a", "GET /api/a", "DELETE /api/a"]
    assert gateway.bodies[0] == {"x": "y"}
    tokens = [headers.get("authorization") for headers in gateway.headers]
    assert tokens == [None, "Bearer secret", "Bearer secret"]
    await client.aclose()


async def test_forms_are_sent_as_forms() -> None:
    gateway = Gateway({"POST /api/token": {}})
    await client_of(gateway).post("/token", {"grant_type": "client_credentials"}, form=True)
    assert gateway.bodies == ["grant_type=client_credentials"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((409, {"detail": "There is a ticket."}), "refused with 409: There is a ticket."),
        ((422, {"message": "No."}), "refused with 422: No."),
        ((500, {"odd": True}), "refused with 500: {'odd': True}"),
        ((502, "<html>proxy</html>"), "refused with 502: <html>proxy</html>"),
        (httpx2.ConnectError("nobody listens"), "failed: nobody listens"),
    ],
)
async def test_a_refusal_is_an_exception_with_the_reason(answer: object, reason: str) -> None:
    client = client_of(Gateway({"GET /api/a": answer}))
    with pytest.raises(StoryError) as caught:
        await client.get("/a")
    assert str(caught.value).startswith("customer: GET /a ")
    assert reason in str(caught.value)
