from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import pytest
from quart import Response, jsonify, websocket
from quart_trio import QuartTrio

from gateway.domain.errors import Unauthorized
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal, ShopPrincipal
from gateway.web import auth

CUSTOMER = CustomerPrincipal(1, UUID(int=1), 100000001, 1)
OPERATOR = OperatorPrincipal("client", 1)
SHOP = ShopPrincipal(1, 2, "owner", frozenset({"*"}))

P = TypeVar("P")


class _Identity:
    """Knows one token for each kind of caller."""

    async def customer(self, access_token: str) -> CustomerPrincipal:
        return self._known(access_token, "customer-token", CUSTOMER)

    async def operator(self, access_token: str) -> OperatorPrincipal:
        return self._known(access_token, "operator-token", OPERATOR)

    async def shop(self, api: str, token: str) -> ShopPrincipal:
        return self._known(f"{api}:{token}", "repair:7|secret", SHOP)

    def _known(self, token: str, good: str, principal: P) -> P:
        if token != good:
            raise Unauthorized("token.invalid", "Sign in again.")
        return principal


@pytest.mark.parametrize("header", ["Bearer abc.def", "bearer abc.def", "  BEARER   abc.def  "])
def test_a_bearer_token_is_found(header: str) -> None:
    assert auth.token_in(header) == "abc.def"


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_header_says_to_sign_in(header: str | None) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth.token_in(header, bare=True)
    assert refused.value.code == "token.missing"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a b",
        "Bearer \xe9",
        "Bearer a\x00b",
        "Bearer " + "x" * (auth.LONGEST_TOKEN + 1),
    ],
)
@pytest.mark.parametrize("bare", [True, False])
def test_what_is_no_token_is_refused(header: str, bare: bool) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth.token_in(header, bare=bare)
    assert refused.value.code == "token.malformed"


def test_a_bare_token_is_taken_where_the_contract_says_so() -> None:
    assert auth.token_in("abc.def", bare=True) == "abc.def"
    with pytest.raises(Unauthorized):
        auth.token_in("abc.def")


def _app() -> QuartTrio:
    app, identity = QuartTrio(__name__), _Identity()

    @app.get("/customer")
    async def customer() -> Response:
        return jsonify((await auth.require_customer(identity)).connector_id)

    @app.get("/operator")
    async def operator() -> Response:
        return jsonify((await auth.require_operator(identity)).client_id)

    @app.get("/<api>/shop")
    async def shop(api: str) -> Response:
        return jsonify((await auth.require_shop(identity, api)).role)

    @app.websocket("/ws")
    async def ws() -> None:
        await websocket.send(str(auth.websocket_token(bare=True)))

    @app.errorhandler(Unauthorized)
    async def refuse(error: Unauthorized) -> tuple[str, int]:
        return error.code, 401

    return app


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/customer", "Bearer customer-token", 200),
        ("/customer", "customer-token", 200),
        ("/customer", "Bearer operator-token", 401),
        ("/customer", None, 401),
        ("/operator", "Bearer operator-token", 200),
        ("/operator", "operator-token", 401),
        ("/repair/shop", "Bearer 7|secret", 200),
        ("/planner/shop", "Bearer 7|secret", 401),
    ],
)
async def test_requests_are_let_in_by_their_token(
    path: str, header: str | None, status: int
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await _app().test_client().get(path, headers=headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    ("url", "header", "token"),
    [
        ("/ws", "Bearer abc", "abc"),
        ("/ws", "abc", "abc"),
        ("/ws?access_token=abc", None, "abc"),
        ("/ws?access_token=abc", "Bearer def", "def"),
        ("/ws", None, "None"),
    ],
)
async def test_a_websocket_brings_its_token_in_header_or_query(
    url: str, header: str | None, token: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with _app().test_client().websocket(url, headers=headers) as connection:
        assert await connection.receive() == token
