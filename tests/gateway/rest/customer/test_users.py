from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from quart.typing import TestClientProtocol as Client
from quart_trio import QuartTrio
from sqlalchemy import delete
from structlog.typing import FilteringBoundLogger

from gateway.identity.identity import Identity
from gateway.rest.customer import users
from gateway.rest.customer.users import UsersDoor
from gateway.storage.database import Connection, Database
from gateway.storage.queries import wallets
from gateway.storage.queries.identity import Provider, Tenant
from gateway.storage.queries.wallets import Movement, MovementKind
from gateway.storage.tables.identity import portal_user, refresh_token
from gateway.web import problems
from tests.settable_clock import SettableClock

CONTRACT = Path(__file__).parents[3] / "contracts" / "customer.yaml"

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

PROVIDER = Provider(
    name="Remote",
    currency="EUR",
    has_prepaid_wallet=True,
    scheduler_enabled=True,
    scheduler_active_until=datetime(2026, 3, 2, 17, tzinfo=UTC),
    company_name="Remote Diagnostics",
    header_background_color="#fff",
    header_logo_path="/logo.svg",
    theme_color="#036",
)


@pytest.fixture
def client(
    identity: Identity, database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> Client:
    app = QuartTrio(__name__)
    problems.install(app, log)
    app.register_blueprint(users.blueprint(UsersDoor(identity, database, clock)))
    return app.test_client()


@pytest.fixture
async def token(identity: Identity, database: Database) -> str:
    provider_id = await identity.tenants.add_provider(PROVIDER, actor="test")
    tenant = Tenant(
        provider_id,
        "Garage Noord",
        "EUR",
        reference="NL-7",
        street="Dijk 1",
        postal_code="1234 AB",
        locality="Sneek",
        country="NL",
        allow_tickets_without_product=True,
    )
    tenant_id = await identity.tenants.add(tenant, actor="test")
    made = await identity.connectors.create(tenant_id, actor="test")
    tokens = await identity.sign_in.by_connector_uuid(made.uuid, made.pincode, address="192.0.2.1")
    payment = Movement(MovementKind.PAYMENT, Decimal("12.5"), "", "test", NOW)
    await database.write(wallets.move, tenant_id, payment)
    return tokens.access_token


def user_schema() -> dict[str, Any]:
    document = yaml.safe_load(CONTRACT.read_text())
    return {"$ref": "#/components/schemas/User", "components": document["components"]}


async def test_the_caller_sees_themselves_their_garage_and_its_provider(
    client: Client, token: str
) -> None:
    response = await client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    body = await response.get_json()
    jsonschema.validate(body, user_schema())
    assert body["client"] == {
        "name": "Garage Noord",
        "reference": "NL-7",
        "allow_tickets_without_product": True,
        "address": {
            "street": "Dijk 1",
            "postal_code": "1234 AB",
            "locality": "Sneek",
            "country": "NL",
        },
    }
    provider = body["service_provider"]
    assert provider["prepaid_wallet_settings"] == {"balance": "12.50"}
    assert provider["service_center"]["tickets_scheduler_active_until"] == "2026-03-02T17:00:00Z"
    assert provider["ui"]["portal_headerlogo_path"] == "/logo.svg"


async def test_every_member_of_the_contract_is_served(client: Client, token: str) -> None:
    response = await client.get("/v1/users/me", headers={"Authorization": token})
    body = await response.get_json()
    components = user_schema()["components"]["schemas"]

    def names(schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            schema = components[schema["$ref"].rpartition("/")[2]]
        members = schema.get("properties", {})
        return {name: names(member) for name, member in members.items()}

    def served(value: object) -> dict[str, Any]:
        return {k: served(v) for k, v in value.items()} if isinstance(value, dict) else {}

    assert served(body) == names(components["User"])


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic abc", ""])
async def test_without_a_good_token_nothing_is_told(
    client: Client, token: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await client.get("/v1/users/me", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "client" not in await response.get_json(force=True)


async def test_a_user_who_is_gone_is_signed_out(
    client: Client, token: str, database: Database
) -> None:
    def remove(connection: Connection) -> None:
        connection.execute(delete(refresh_token))
        connection.execute(delete(portal_user))

    await database.write(remove)
    response = await client.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
