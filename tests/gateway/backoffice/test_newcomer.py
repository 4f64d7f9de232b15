"""A newcomer adds a resource in one file of under thirty lines, and gets everything with it."""

from __future__ import annotations

import inspect
import types
from typing import Any

import pytest
import structlog
from quart_trio import QuartTrio
from sqlalchemy import MetaData

from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS, gather
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.openapi import document
from gateway.backoffice.routes import blueprints
from gateway.backoffice.tables import build_tables
from gateway.storage.database import Database
from gateway.storage.tables import metadata

#: What the newcomer writes, as a file of the catalogue.
FILE = '''
"""Courtesy cars."""

from decimal import Decimal

from gateway.backoffice.kinds import Choice, Number, Ref, Text
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.profiles.repair import PAGED
from gateway.backoffice.resource import Field, Filter, Match, Resource, Shape

CAR = Noun(
    "courtesy_car",
    (
        Column("plate", Text(16), null=False, unique=True),
        Column("state", Choice(("free", "lent")), null=False, default="free", index=True),
        Column("day_price", Number(2, Decimal(0)), null=False, default=Decimal(0)),
        Column("customer_id", Ref("customer")),
    ),
)
FIELDS = ("id", "state", "day_price", "customer_id")
SHAPE = Shape("Car", CAR, (Field("plate", required=True), *(Field(name) for name in FIELDS)))
FILTERS = (Filter("state"), Filter("q", ("plate",), Match.SEARCH))
CARS = Resource("courtesy_car", PAGED, "/courtesy-cars", SHAPE, "cars", filters=FILTERS)
NOUNS, RESOURCES = (CAR,), (CARS,)
'''


@pytest.fixture
def newcomer() -> Any:
    module = types.ModuleType("courtesy_cars")
    exec(compile(FILE, "courtesy_cars.py", "exec"), module.__dict__)
    return module


@pytest.fixture
def declarations(newcomer: Any) -> Declarations:
    found = gather(iter([newcomer]))
    return Declarations((*DECLARATIONS.nouns, *found.nouns), found.resources)


@pytest.fixture
async def cars(
    shops: Database,
    identity: Any,
    clock: Any,
    outside: Any,
    declarations: Declarations,
    repair: Any,
) -> Any:
    # A metadata of its own: the product's must not learn of a test's table.
    own = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(own)
    tables = build_tables(declarations.nouns, own)
    await shops.write(tables["courtesy_car"].create)
    app = QuartTrio(__name__)
    services = Services(shops, identity, tables, clock, outside)
    for blueprint in blueprints(services, declarations, structlog.get_logger()):
        app.register_blueprint(blueprint)
    repair.app = app
    return repair


def test_the_file_is_short() -> None:
    assert len(FILE.strip().splitlines()) < 30


@pytest.mark.sqlite_only
async def test_it_has_a_table(cars: Any, shops: Database) -> None:
    def made(connection: Any) -> list[str]:
        query = "SELECT sql FROM sqlite_master WHERE tbl_name = 'backoffice_courtesy_car'"
        return [row[0] for row in connection.exec_driver_sql(query) if row[0]]

    table, *indexes = await shops.read(made)
    for column in ("tenant_id", "created_at", "plate", "state", "day_price", "customer_id"):
        assert f"\t{column} " in table
    assert "UNIQUE (tenant_id, plate)" in table
    assert any(index.endswith("(tenant_id, state)") for index in indexes)


async def test_it_has_endpoints(cars: Any, tokens: Any) -> None:
    ask = cars.ask
    status, car = await ask("POST", "/courtesy-cars", json={"plate": "AB-12-CD", "day_price": 25})
    assert (status, car) == (
        201,
        {"plate": "AB-12-CD", "id": 1, "state": "free", "day_price": 25, "customer_id": None},
    )
    assert (await ask("POST", "/courtesy-cars", json={"plate": "AB-12-CD"}))[1]["errors"] == {
        "plate": ["The plate has already been taken."]
    }
    wrong = {"plate": None, "state": "sold", "day_price": -1, "customer_id": 7}
    status, refused = await ask("POST", "/courtesy-cars", json=wrong)
    assert (status, set(refused["errors"])) == (422, {"plate", "state", "day_price"})
    status, lent = await ask("PATCH", "/courtesy-cars/1", json={"state": "lent"})
    assert (status, lent) == (200, car | {"state": "lent"})
    assert (await ask("GET", "/courtesy-cars?state=lent&q=ab"))[1]["data"] == [lent]
    assert (await ask("GET", "/courtesy-cars?state=free"))[1]["data"] == []

    own, cars.token = cars.token, await tokens.grant("repair", tenant_id=2)
    assert (await ask("GET", "/courtesy-cars/1"))[0] == 404
    cars.token = await tokens.grant("repair", abilities=("cars:read",))
    assert (await ask("DELETE", "/courtesy-cars/1"))[0] == 403
    cars.token = own
    assert (await ask("DELETE", "/courtesy-cars/1"))[0] == 204
    assert (await ask("GET", "/courtesy-cars/1"))[0] == 404


def test_it_has_a_document(newcomer: Any, declarations: Declarations) -> None:
    described = document(newcomer.CARS.profile.api, declarations, "1.0")
    assert {
        (path, method) for path, methods in described["paths"].items() for method in methods
    } == {
        ("/courtesy-cars", "get"), ("/courtesy-cars", "post"), ("/courtesy-cars/{id}", "get"),
        ("/courtesy-cars/{id}", "patch"), ("/courtesy-cars/{id}", "put"),
        ("/courtesy-cars/{id}", "delete"),
    }  # fmt: skip
    assert inspect.getdoc(newcomer) == "Courtesy cars."
