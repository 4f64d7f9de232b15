from __future__ import annotations

import pytest
from quart import request
from quart_trio import QuartTrio

from gateway.web.addresses import absolute
from gateway.web.uploads import request_class


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/large/x", 50, 200),
        ("/large/x", 51, 413),
        ("/item/7/files", 30, 200),
        ("/item/7/files", 31, 413),
        ("/item/7/files/8", 11, 413),
        ("/small", 10, 200),
        ("/small", 11, 413),
    ],
)
async def test_bodies_have_the_size_of_their_path(path: str, size: int, status: int) -> None:
    app = QuartTrio(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.request_class = request_class({"/large/": 50, r"/item/[^/]+/files$": 30})

    @app.put("/<path:_path>")
    async def take(_path: str) -> str:
        return str(sum([len(chunk) async for chunk in request.body]))

    answer = await app.test_client().put(path, data=bytes(size))
    assert answer.status_code == status
    if status == 200:
        assert await answer.get_data(as_text=True) == str(size)


async def test_addresses_go_through_the_proxy_where_there_is_one() -> None:
    app = QuartTrio(__name__)
    async with app.test_request_context("/", headers={"Host": "here:8080"}):
        assert absolute("", "/files/1?x=y") == "http://here:8080/files/1?x=y"
        assert (
            absolute("https://gateway.example/", "/files/1") == "https://gateway.example/files/1"
        )
