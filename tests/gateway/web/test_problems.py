from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable

import h11
import pytest
import trio
from quart import Blueprint, Response, request
from quart_trio import QuartTrio

from gateway.config import LogSettings
from gateway.domain import errors
from gateway.runtime.logs import open_log
from gateway.web import problems


class _App:
    """An application whose only route raises what it is told to."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.app = QuartTrio(__name__)
        self.app.config["MAX_CONTENT_LENGTH"] = 100
        problems.install(self.app, open_log(LogSettings(), self.stream))

    def on(self, path: str, handler: Callable[[], Awaitable[Response]]) -> None:
        self.app.add_url_rule(path, path, handler, methods=["GET", "POST"])

    def raising(self, error: BaseException) -> None:
        async def handler() -> Response:
            raise error

        self.on("/thing", handler)


#: Every refusal of the domain; doors with kinds of their own answer those themselves.
_KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
]


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_of_refusal_has_a_status(kind: type[errors.GatewayError]) -> None:
    assert 400 <= problems.STATUS[kind.kind] <= 599


async def test_a_refusal_is_a_problem_with_its_code_and_field() -> None:
    made = _App()
    made.raising(errors.Invalid("ticket.products", "Name a product.", field="product_ids"))
    response = await made.app.test_client().get("/thing?access_token=secret")
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    assert json.loads(await response.get_data()) == {
        "type": "urn:problem-type:gateway:ticket.products",
        "title": "Invalid request",
        "status": 400,
        "detail": "Name a product.",
        "instance": "/thing",
        "code": "ticket.products",
        "field": "product_ids",
    }
    assert made.stream.getvalue() == ""


async def test_retry_after_is_whole_seconds_and_never_too_early() -> None:
    made = _App()
    made.raising(errors.Throttled("sign_in.throttled", "Wait.", retry_after=1.2))
    response = await made.app.test_client().get("/thing")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2"


async def test_a_401_names_the_scheme() -> None:
    made = _App()
    made.raising(errors.Unauthorized("token.missing", "Sign in."))
    response = await made.app.test_client().get("/thing")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_surprise_tells_nothing_and_can_be_found_in_the_log() -> None:
    made = _App()
    made.raising(ZeroDivisionError("inner secret"))
    response = await made.app.test_client().get("/thing")
    body = json.loads(await response.get_data())
    assert (response.status_code, body["code"]) == (500, "internal.error")
    assert "secret" not in body["detail"]
    line = json.loads(made.stream.getvalue())
    assert line["reference"] in body["detail"]
    assert line["path"] == "/thing"
    assert "inner secret" in line["exception"]


async def test_what_a_peer_breaks_is_one_line_without_a_traceback() -> None:
    made = _App()
    made.raising(h11.LocalProtocolError("no upgrade"))
    response = await made.app.test_client().get("/thing")
    assert response.status_code == 500
    line = json.loads(made.stream.getvalue())
    assert (line["level"], line["reason"]) == ("warning", "no upgrade")
    assert "exception" not in line


async def test_a_refusal_of_the_internal_kind_is_a_surprise() -> None:
    made = _App()
    made.raising(errors.GatewayError("x.y", "inner secret"))
    response = await made.app.test_client().get("/thing")
    assert response.status_code == 500
    assert b"secret" not in await response.get_data(as_text=False)


async def test_a_refusal_out_of_a_nursery_is_still_that_refusal() -> None:
    made = _App()

    async def refuse() -> None:
        raise errors.NotFound("connector.unknown", "Check the number.")

    async def handler() -> Response:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuse)
        raise AssertionError("unreachable")

    made.on("/thing", handler)
    response = await made.app.test_client().get("/thing")
    assert response.status_code == 404
    assert json.loads(await response.get_data())["code"] == "connector.unknown"


async def test_what_quart_refuses_is_a_problem_too() -> None:
    made = _App()

    async def handler() -> Response:
        return Response(await request.get_data())

    made.on("/thing", handler)
    client = made.app.test_client()
    missing = await client.get("/nowhere")
    assert json.loads(await missing.get_data())["code"] == "http.not_found"
    wrong = await client.delete("/thing")
    assert (wrong.status_code, wrong.content_type) == (405, problems.CONTENT_TYPE)
    assert "GET" in wrong.headers["Allow"]
    assert "POST" in wrong.headers["Allow"]
    large = await client.post("/thing", data=b"x" * 101)
    assert large.status_code == 413
    assert json.loads(await large.get_data())["code"] == "http.request_entity_too_large"


async def test_a_door_with_its_own_shape_goes_first() -> None:
    made = _App()
    door = Blueprint("door", __name__)

    @door.errorhandler(errors.GatewayError)
    async def own_shape(error: errors.GatewayError) -> tuple[dict[str, str], int]:
        return {"message": error.detail}, 422

    @door.get("/own")
    async def own() -> Response:
        raise errors.Invalid("a.b", "own")

    made.app.register_blueprint(door)
    response = await made.app.test_client().get("/own")
    assert (response.status_code, await response.get_json()) == (422, {"message": "own"})
