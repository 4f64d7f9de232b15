from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import trio
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet
from quart.typing import TestClientProtocol as Client
from quart_trio import QuartTrio
from structlog.typing import FilteringBoundLogger
from werkzeug.datastructures import Headers

from gateway.config import MailSettings, Settings
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.connectors import ConnectorSecrets
from gateway.identity.employees import EmployeeDraft
from gateway.identity.identity import Identity, open_identity
from gateway.rest.customer import authentication
from gateway.rest.customer.authentication import AuthenticationDoor
from gateway.storage.database import Database, open_database
from gateway.storage.queries.identity import Provider, Tenant
from gateway.web import problems
from tests.settable_clock import SettableClock


@pytest.fixture
async def connector(identity: Identity) -> ConnectorSecrets:
    provider_id = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    tenant_id = await identity.tenants.add(Tenant(provider_id, "Garage", "EUR"), actor="test")
    return await identity.connectors.create(tenant_id, actor="test", pincode="4711")


@pytest.fixture
def client(identity: Identity, log: FilteringBoundLogger) -> Client:
    return client_of(identity, log)


def client_of(identity: Identity, log: FilteringBoundLogger) -> Client:
    """Return a portal's client at the door of sign-in."""
    app = QuartTrio(__name__)
    problems.install(app, log)
    app.register_blueprint(authentication.blueprint(AuthenticationDoor(identity)))
    return app.test_client()


async def post(client: Client, path: str, body: object) -> tuple[int, Any, Headers]:
    response = await client.post(path, json=body)
    return response.status_code, await response.get_json(force=True), response.headers


async def test_uuid_and_pincode_answer_with_three_tokens(
    client: Client, connector: ConnectorSecrets, identity: Identity
) -> None:
    status, body, headers = await post(
        client,
        "/v2/authenticate/pincode",
        {"connector_uuid": str(connector.uuid), "pincode": "4711"},
    )
    assert status == 200
    assert set(body) == {"id_token", "access_token", "refresh_token"}
    assert headers["Cache-Control"] == "no-store"
    assert (await identity.customer(body["access_token"])).connector_id == connector.id


@pytest.mark.parametrize("as_text", [True, False])
async def test_number_and_pincode_come_as_text_or_as_numbers(
    client: Client, connector: ConnectorSecrets, as_text: bool
) -> None:
    kind = str if as_text else int
    status, body, _ = await post(
        client,
        "/v1/authenticate/pincode",
        {"connector_id": kind(connector.id), "pincode": kind("4711")},
    )
    assert (status, set(body)) == (200, {"id_token", "access_token", "refresh_token"})


async def test_one_time_password_then_refresh(
    client: Client, connector: ConnectorSecrets, identity: Identity
) -> None:
    password = await identity.sign_in.issue_one_time_password(connector.uuid, actor="test")
    status, first, _ = await post(client, "/v1/authenticate/otp", {"otp": password})
    assert status == 200
    refresh = {"refresh_token": first["refresh_token"]}
    status, second, headers = await post(client, "/v1/authenticate/refresh", refresh)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    await identity.customer(second["access_token"])
    status, problem, _ = await post(client, "/v1/authenticate/refresh", refresh)
    assert (status, problem["code"]) == (401, "identity.token_refused")


async def test_wrong_and_unknown_are_told_alike(
    client: Client, connector: ConnectorSecrets
) -> None:
    answers = []
    for uuid in (connector.uuid, uuid4()):
        status, body, headers = await post(
            client,
            "/v2/authenticate/pincode",
            {"connector_uuid": str(uuid), "pincode": "0000"},
        )
        assert headers["Content-Type"] == "application/problem+json"
        answers.append((status, body))
    assert answers[0] == answers[1]
    status, body = answers[0]
    assert status == 401
    assert body["code"] == "identity.sign_in_refused"
    assert "Check both" in body["detail"]


async def test_too_many_attempts_say_when_to_come_back(
    client: Client, connector: ConnectorSecrets
) -> None:
    body = {"connector_uuid": str(connector.uuid), "pincode": "0000"}
    for _ in range(5):
        await post(client, "/v2/authenticate/pincode", body)
    status, problem, headers = await post(client, "/v2/authenticate/pincode", body)
    assert (status, problem["code"]) == (429, "identity.too_many_attempts")
    assert headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/authenticate/pincode", {"pincode": "4711"}, "connector_id"),
        ("/v1/authenticate/pincode", {"connector_id": "12a", "pincode": "4711"}, "connector_id"),
        ("/v1/authenticate/pincode", {"connector_id": "9" * 19, "pincode": ""}, "connector_id"),
        ("/v1/authenticate/pincode", {"connector_id": -7, "pincode": "4711"}, "connector_id"),
        ("/v1/authenticate/pincode", {"connector_id": 7, "pincode": None}, "pincode"),
        ("/v2/authenticate/pincode", {"connector_uuid": "no", "pincode": "1"}, "connector_uuid"),
        ("/v2/authenticate/pincode", {"connector_uuid": str(uuid4())}, "pincode"),
        ("/v1/authenticate/otp", {}, "otp"),
        ("/v1/authenticate/otp", {"otp": ["x"]}, "otp"),
        ("/v1/authenticate/refresh", {"refresh_token": 7}, "refresh_token"),
        ("/v1/authenticate/password", {"username": "x"}, "password"),
        ("/v1/authenticate/password/choose", {"password": "long enough"}, "code"),
        ("/legacy/api/mobile/authentication/authenticate/forgot/password", {}, "email_address"),
    ],
)
async def test_a_malformed_body_names_its_field(
    client: Client, path: str, body: object, field: str
) -> None:
    status, problem, _ = await post(client, path, body)
    assert (status, problem["field"]) == (400, field)


PATHS = (
    "/v1/authenticate/pincode",
    "/v2/authenticate/pincode",
    "/v1/authenticate/otp",
    "/v1/authenticate/refresh",
    "/v1/authenticate/password",
    "/v1/authenticate/password/choose",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"otp": "\\u0000"}'])
async def test_what_is_no_object_is_a_400(client: Client, path: str, data: bytes) -> None:
    response = await client.post(path, data=data)
    assert response.status_code == 400


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.sampled_from(PATHS),
    st.dictionaries(
        st.sampled_from(["connector_id", "connector_uuid", "pincode", "otp", "refresh_token"]),
        st.none() | st.integers() | st.text(max_size=20) | st.booleans() | st.uuids().map(str),
    ),
)
def test_no_body_is_ever_a_server_error(
    database_url: str,
    settings: Settings,
    clock: SettableClock,
    log: FilteringBoundLogger,
    path: str,
    body: dict[str, object],
) -> None:
    async def ask() -> int:
        # Opened here: an asynchronous fixture would be closed after the first example.
        async with open_database(database_url) as database:
            client = client_of(await open_identity(database, settings, clock), log)
            return int((await client.post(path, json=body)).status_code)

    assert trio.run(ask) in {400, 401, 429}


FORGOT = "/legacy/api/mobile/authentication/authenticate/forgot/password"


async def test_an_employee_asks_chooses_and_comes_in(
    database: Database, settings: Settings, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    mail = MailSettings(host="mail.example", sender="portal@gateway.example")
    identity = await open_identity(database, replace(settings, mail=mail), clock)
    app = QuartTrio(__name__)
    problems.install(app, log)
    app.register_blueprint(authentication.blueprint(AuthenticationDoor(identity)))
    client = app.test_client()
    provider_id = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    tenant_id = await identity.tenants.add(Tenant(provider_id, "Garage", "EUR"), actor="test")
    customer = CustomerPrincipal(tenant_id, uuid4(), None, provider_id)
    draft = EmployeeDraft("Eva", "Bos", "eva@garage.example")
    eva = await identity.employees.add(customer, draft)
    answers = [
        await post(client, FORGOT, {"email_address": email})
        for email in ("eva@garage.example", "nobody@garage.example")
    ]
    assert [answer[:2] for answer in answers] == [(200, {"method": "SESSION"})] * 2
    sealed = await database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT sealed FROM mail ORDER BY id DESC LIMIT 1"
        ).scalar_one()
    )
    found = re.search(
        r"^([\w-]{43})$", identity.seal.fernet.decrypt(sealed).decode(), re.MULTILINE
    )
    assert found is not None
    choose = {"code": found[1], "password": "correct horse"}
    short = await post(client, "/v1/authenticate/password/choose", choose | {"password": "x"})
    assert (short[0], short[1]["field"]) == (400, "password")
    answer = await client.post("/v1/authenticate/password/choose", json=choose)
    assert answer.status_code == 204
    again = await post(client, "/v1/authenticate/password/choose", choose)
    assert (again[0], again[1]["code"]) == (401, "identity.reset_refused")
    known = {"username": "eva@garage.example", "password": "correct horse"}
    status, tokens, headers = await post(client, "/v1/authenticate/password", known)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert (await identity.customer(tokens["access_token"])).user_id == eva.uuid
    wrong = known | {"password": "wrong"}
    for _ in range(5):
        status, body, _ = await post(client, "/v1/authenticate/password", wrong)
        assert (status, body["code"]) == (401, "identity.sign_in_refused")
    status, _, headers = await post(client, "/v1/authenticate/password", known)
    assert (status, headers["Retry-After"]) == (429, "30")


async def test_without_a_mail_server_forgetting_is_a_clear_503(client: Client) -> None:
    status, problem, _ = await post(client, FORGOT, {"email_address": "eva@garage.example"})
    assert (status, problem["code"]) == (503, "mail.not_configured")


async def test_the_published_keys_verify_the_tokens(
    client: Client, connector: ConnectorSecrets
) -> None:
    _, tokens, _ = await post(
        client,
        "/v2/authenticate/pincode",
        {"connector_uuid": str(connector.uuid), "pincode": "4711"},
    )
    response = await client.get("/.well-known/jwks.json")
    keys = KeySet.import_key_set(await response.get_json())
    claims = jwt.decode(tokens["id_token"], keys, ["Ed25519"]).claims
    assert claims["token_use"] == "id"


async def test_attempts_count_by_the_address_behind_our_proxies(
    identity: Identity, log: FilteringBoundLogger
) -> None:
    app = QuartTrio(__name__)
    problems.install(app, log)
    door = AuthenticationDoor(identity, trusted_proxies=1)
    app.register_blueprint(authentication.blueprint(door))
    client = app.test_client()

    async def attempt(address: str) -> int:
        response = await client.post(
            "/v1/authenticate/otp",
            json={"otp": "x"},
            headers={"X-Forwarded-For": f"203.0.113.99, {address}"},
        )
        return response.status_code

    assert [await attempt("192.0.2.1") for _ in range(21)] == [401] * 20 + [429]
    assert await attempt("192.0.2.2") == 401
