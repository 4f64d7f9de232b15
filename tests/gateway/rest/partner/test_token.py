from __future__ import annotations

import base64

import pytest
from quart.typing import TestClientProtocol as Client
from quart_trio import QuartTrio
from structlog.typing import FilteringBoundLogger

from gateway.identity.identity import Identity
from gateway.identity.operators import OperatorCredentials
from gateway.rest.partner import token
from gateway.rest.partner.token import TokenDoor
from gateway.storage.queries.identity import Provider
from gateway.web import problems

PATH = "/partner/oauth2/token"


@pytest.fixture
async def credentials(identity: Identity) -> OperatorCredentials:
    provider_id = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    return await identity.operators.add(provider_id, "Anna", actor="test")


@pytest.fixture
def client(identity: Identity, log: FilteringBoundLogger) -> Client:
    app = QuartTrio(__name__)
    problems.install(app, log)
    app.register_blueprint(token.blueprint(TokenDoor(identity.operators)))
    return app.test_client()


def form(credentials: OperatorCredentials, **changed: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    } | changed


async def test_client_credentials_buy_a_bearer_token(
    client: Client, credentials: OperatorCredentials, identity: Identity
) -> None:
    response = await client.post(PATH, form=form(credentials, scope="whatever"))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = await response.get_json()
    assert set(body) == {"access_token", "expires_in", "token_type"}
    assert (body["expires_in"], body["token_type"]) == (3_600, "Bearer")
    principal = await identity.operator(body["access_token"])
    assert principal.client_id == credentials.client_id


async def test_they_may_come_by_basic_authentication(
    client: Client, credentials: OperatorCredentials
) -> None:
    pair = f"{credentials.client_id}:{credentials.client_secret}".encode()
    response = await client.post(
        PATH,
        form={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {base64.b64encode(pair).decode()}"},
    )
    assert response.status_code == 200


async def test_a_wrong_secret_is_a_401_problem(
    client: Client, credentials: OperatorCredentials
) -> None:
    response = await client.post(PATH, form=form(credentials, client_secret="guess"))
    assert response.status_code == 401
    problem = await response.get_json(force=True)
    assert problem["code"] == "identity.client_refused"
    assert "Check both" in problem["detail"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"grant_type": "password"}, "grant_type"),
        ({"grant_type": ""}, "grant_type"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"client_secret": "a\0b"}, "client_secret"),
    ],
)
async def test_a_malformed_form_names_its_field(
    client: Client,
    credentials: OperatorCredentials,
    changed: dict[str, str],
    field: str,
) -> None:
    response = await client.post(PATH, form=form(credentials, **changed))
    assert response.status_code == 400
    assert (await response.get_json(force=True))["field"] == field


async def test_an_empty_or_foreign_body_is_a_400(client: Client) -> None:
    for sent in ({"data": b""}, {"json": {"grant_type": "client_credentials"}}):
        response = await client.post(PATH, **sent)
        assert response.status_code == 400


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic Og==", "Basic \xff"])
async def test_a_broken_basic_header_is_no_server_error(client: Client, header: str) -> None:
    response = await client.post(
        PATH, form={"grant_type": "client_credentials"}, headers={"Authorization": header}
    )
    assert response.status_code in {400, 401}


async def test_guessing_ends_in_a_429(client: Client, credentials: OperatorCredentials) -> None:
    guess = form(credentials, client_secret="guess")
    statuses = [(await client.post(PATH, form=guess)).status_code for _ in range(20)]
    assert statuses == [401] * 20
    response = await client.post(PATH, form=guess)
    assert response.status_code == 429
    assert "Retry-After" in response.headers
