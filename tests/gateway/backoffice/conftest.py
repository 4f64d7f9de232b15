"""A shop with two garages behind a real app and database, and the contracts to hold it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from cryptography.fernet import Fernet
from jsonschema import Draft202012Validator
from quart import Response
from quart_trio import QuartTrio
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from sqlalchemy import Connection, insert

from gateway.backoffice import schema
from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.outside import Outside
from gateway.backoffice.recognition import Recognition
from gateway.backoffice.routes import blueprints
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop
from gateway.domain.clock import Clock
from gateway.identity.identity import Identity
from gateway.storage.database import Database, make_engine
from gateway.storage.queries import shops as shop_queries
from gateway.storage.tables.identity import service_provider, shop_user, tenant
from tests.gateway.backoffice.elsewhere import Elsewhere, open_elsewhere
from tests.gateway.mail.postmaster import Postmaster, mail_server

CONTRACTS = Path(__file__).parents[2] / "contracts"

OWN, FOREIGN = 1, 2


@dataclass
class Tokens:
    """Makes tokens of users who may do what a test says they may."""

    database: Database
    identity: Identity

    async def grant(
        self,
        api: str,
        *,
        tenant_id: int = OWN,
        role: str = "owner",
        abilities: tuple[str, ...] = ("*",),
    ) -> str:
        """Return a token of the garage's user with this role."""

        def make(connection: Connection) -> str:
            known = shop_queries.find_by_email(connection, f"{role}@garage{tenant_id}.test")
            assert known is not None
            return self.identity.shop_tokens.make(
                connection, api, known[0], name="test", abilities=abilities
            )

        return await self.database.write(make)


@dataclass
class Door:
    """Speaks to the app as a client of one API."""

    app: QuartTrio
    mount: str
    token: str

    async def ask(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
        """Return status and decoded body (``None`` when empty)."""
        response = await self.raw(method, path, **kwargs)
        data = await response.get_data(as_text=False)
        return response.status_code, (await response.get_json(force=True)) if data else None

    async def raw(self, method: str, path: str, **kwargs: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"} | kwargs.pop("headers", {})
        client = self.app.test_client()
        return await client.open(self.mount + path, method=method, headers=headers, **kwargs)


def seed(connection: Connection) -> None:
    """Make two garages, one user each."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    connection.execute(insert(service_provider).values(id=1, name="Provider", currency="EUR"))
    for number in (OWN, FOREIGN):
        shared = {"tenant_id": number, "created_at": now}
        garage = {"id": number, "provider_id": 1, "name": f"Garage {number}", "currency": "EUR"}
        connection.execute(insert(tenant).values(**garage, created_at=now))
        for offset, role in enumerate(("owner", "manager", "employee", "api")):
            # Ids of the owners are those of the garages.
            user = {"id": number + 10 * offset, "name": f"{role.title()} {number}", "role": role}
            email = f"{role}@garage{number}.test"
            connection.execute(
                insert(shop_user).values(**user, **shared, email=email, password_hash="-")
            )
    if connection.dialect.name == "postgresql":
        # Whoever gives ids by hand tells the sequences, which would give them again.
        for name in ("service_provider", "tenant", "shop_user"):
            connection.exec_driver_sql(f"SELECT setval('{name}_id_seq', 1000)")


@pytest.fixture
async def shops(database: Database) -> Database:
    """The database with two garages in it."""
    await database.write(seed)
    return database


@pytest.fixture
def in_shop(shops: Database, clock: Clock) -> Callable[..., Any]:
    """Run ``function(shop, ...)`` in a transaction of a garage's shop."""

    async def run(function: Callable[..., Any], *args: Any, tenant_id: int = OWN) -> Any:
        def work(connection: Connection) -> Any:
            shop = Shop(connection, schema.TABLES, tenant_id, tenant_id, clock())
            return function(shop, *args)

        return await shops.write(work)

    return run


@pytest.fixture
def trial_shop(database_url: str, clock: Clock) -> Iterator[Callable[..., Any]]:
    """Run ``function(shop)`` in a transaction that is taken back: for many tries in one test."""
    engine = make_engine(database_url)

    def run(function: Callable[[Shop], Any]) -> Any:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            seed(connection)
            try:
                return function(Shop(connection, schema.TABLES, OWN, OWN, clock()))
            finally:
                connection.rollback()

    yield run
    engine.dispose()


@pytest.fixture
def tokens(shops: Database, identity: Identity) -> Tokens:
    return Tokens(shops, identity)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with open_elsewhere() as there:
        yield there


@pytest.fixture
def outside(elsewhere: Elsewhere) -> Outside:
    """The way out, to servers of the test."""
    return Outside(
        Sealer((Fernet(Fernet.generate_key()),)), elsewhere.addresses, private=("127.0.0.0/8",)
    )


@pytest.fixture
def recognition(shops: Database, clock: Clock, outside: Outside) -> Recognition:
    """What reads documents in the background; it looks when it is told to."""
    return Recognition(shops, schema.TABLES, clock, outside, structlog.get_logger())


@pytest.fixture
def letters() -> Iterator[Postmaster]:
    """A real SMTP server, and what it took."""
    with mail_server() as postmaster:
        yield postmaster


@pytest.fixture
def app(shops: Database, identity: Identity, clock: Clock, outside: Outside) -> QuartTrio:
    services = Services(shops, identity, schema.TABLES, clock, outside)
    quart = QuartTrio(__name__)
    for blueprint in blueprints(services, DECLARATIONS, structlog.get_logger()):
        quart.register_blueprint(blueprint)
    return quart


@pytest.fixture
async def repair(app: QuartTrio, tokens: Tokens) -> Door:
    return Door(app, "/backoffice/repair", await tokens.grant("repair"))


@pytest.fixture
async def planner(app: QuartTrio, tokens: Tokens) -> Door:
    return Door(app, "/backoffice/planner", await tokens.grant("planner"))


@pytest.fixture
async def field_sales(app: QuartTrio, tokens: Tokens) -> Door:
    return Door(app, "/backoffice/field-sales", await tokens.grant("field_sales"))


class Contract:
    """A published contract; tells how an answer differs from it."""

    def __init__(self, name: str) -> None:
        text = (CONTRACTS / f"{name}.yaml").read_text()
        self.document = yaml.load(text, Loader=yaml.CSafeLoader)
        resource: Resource[Any] = DRAFT202012.create_resource(self.document)
        self._registry: Registry[Any] = Registry().with_resource("contract:", resource)

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Fail unless ``body`` is what the contract promises for this status."""
        responses = self.document["paths"][path][method]["responses"]
        assert str(status) in responses, f"{method} {path}: {status} is not in the contract"
        pointer = f"/paths/{_escaped(path)}/{method}/responses/{status}"
        if "$ref" in responses[str(status)]:
            pointer = responses[str(status)]["$ref"].removeprefix("#")
        response = self._at(pointer)
        if "content" not in response:
            assert body is None
            return
        ref = f"contract:#{pointer}/content/application~1json/schema"
        errors = Draft202012Validator({"$ref": ref}, registry=self._registry).iter_errors(body)
        assert [f"{error.json_path}: {error.message}" for error in errors] == []

    def absent(self, schema_name: str, document: dict[str, Any]) -> set[str]:
        """Return members that the contract's schema has and ``document`` lacks."""
        return set(self.properties(schema_name)) - set(document)

    def properties(self, schema_name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.document["components"]["schemas"][schema_name]["properties"]
        return found

    def _at(self, pointer: str) -> Any:
        found: Any = self.document
        for part in pointer.split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


@pytest.fixture(scope="session")
def contracts() -> Callable[[str], Contract]:
    """Contracts by name, each read once."""
    read: dict[str, Contract] = {}

    def contract(name: str) -> Contract:
        if name not in read:
            read[name] = Contract(name)
        return read[name]

    return contract
