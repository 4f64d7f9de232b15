from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import pytest
from quart.typing import TestClientProtocol as Client
from quart_trio import QuartTrio
from structlog.typing import FilteringBoundLogger

from gateway.identity.identity import Identity
from gateway.rest.customer import employees
from gateway.rest.customer.employees import EmployeesDoor
from gateway.storage.queries.identity import Provider, Tenant
from gateway.web import problems
from tests.gateway.portals import Json, conforms


@dataclass(frozen=True, slots=True)
class Desk:
    """Two garages' tokens and a client."""

    client: Client
    mine: str
    theirs: str

    async def call(
        self, method: str, path: str, json: Json = None, *, token: str | None = None
    ) -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {token or self.mine}"}
        answer = await self.client.open(path, method=method, headers=headers, json=json)
        return answer.status_code, await answer.get_json()


@pytest.fixture
async def desk(identity: Identity, log: FilteringBoundLogger) -> Desk:
    app = QuartTrio(__name__)
    problems.install(app, log)
    app.register_blueprint(employees.blueprint(EmployeesDoor(identity, identity.employees)))
    provider_id = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    tokens = []
    for name in ("Noord", "Zuid"):
        tenant_id = await identity.tenants.add(Tenant(provider_id, name, "EUR"), actor="test")
        made = await identity.connectors.create(tenant_id, actor="test")
        issued = await identity.sign_in.by_connector_uuid(
            made.uuid, made.pincode, address="192.0.2.1"
        )
        tokens.append(issued.access_token)
    return Desk(app.test_client(), *tokens)


def person(**changes: object) -> Json:
    return {
        "given_name": "Piet",
        "family_name": "Jansen",
        "username": "Piet@garage.example",
        "correspondence_locale": "nl",
        **changes,
    }


async def test_somebody_is_added_listed_and_changed(desk: Desk) -> None:
    status, made = await desk.call("POST", "/v1/employees", person())
    assert status == 201
    conforms(made, "Employee")
    assert made == person(username="piet@garage.example", id=made["id"], enabled=True)
    path = f"/v1/employees/{made['id']}"
    assert await desk.call("GET", path) == (200, made)
    status, listed = await desk.call("GET", "/v1/employees?limit=200")
    conforms(listed, "EmployeePage")
    assert (listed["result"], listed["total"], listed["limit"]) == ([made], 1, 200)
    status, changed = await desk.call(
        "PUT", path, person(family_name="de Vries", enabled=None, username="p@garage.example")
    )
    assert (status, changed["enabled"], changed["family_name"]) == (200, True, "de Vries")
    _, shut_out = await desk.call("PUT", path, person(enabled=False))
    assert shut_out["enabled"] is False


async def test_me_is_the_caller(desk: Desk) -> None:
    status, me = await desk.call("GET", "/v1/employees/me")
    assert status == 200
    conforms(me, "Employee")
    assert me["username"] is None
    status, changed = await desk.call("PUT", "/v1/employees/me", person(username=None))
    assert (status, changed["id"], changed["given_name"]) == (200, me["id"], "Piet")
    # Whoever comes by a connector is nobody's employee.
    assert (await desk.call("GET", "/v1/employees"))[1]["total"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (person(given_name="x" * 256), "given_name"),
        (person(family_name=None), "family_name"),
        (person(username=""), "username"),
        (person(username="nobody"), "username"),
        (person(correspondence_locale="tlh-KX"), "correspondence_locale"),
        (person(enabled="yes"), "enabled"),
        ({"given_name": "Piet", "family_name": "Jansen"}, "username"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, body: Json, field: str) -> None:
    status, problem = await desk.call("POST", "/v1/employees", body)
    assert (status, problem["field"]) == (400, field)
    assert (await desk.call("GET", "/v1/employees"))[1]["total"] == 0


async def test_an_email_is_never_taken_away_and_never_shared(desk: Desk) -> None:
    _, made = await desk.call("POST", "/v1/employees", person())
    status, problem = await desk.call("PUT", f"/v1/employees/{made['id']}", person(username=None))
    assert (status, problem["code"]) == (400, "employee.username_cleared")
    status, problem = await desk.call("POST", "/v1/employees", person())
    assert (status, problem["code"]) == (400, "employee.username_taken")


async def test_another_garages_people_are_not_there(desk: Desk) -> None:
    _, made = await desk.call("POST", "/v1/employees", person())
    for name in (made["id"], str(uuid4()), "nobody"):
        path = f"/v1/employees/{name}"
        assert (await desk.call("GET", path, token=desk.theirs))[0] == 404
        assert (await desk.call("PUT", path, person(), token=desk.theirs))[0] == 404


async def test_no_token(desk: Desk) -> None:
    for method, path in (
        ("GET", "/v1/employees"),
        ("POST", "/v1/employees"),
        ("GET", "/v1/employees/me"),
        ("PUT", "/v1/employees/me"),
    ):
        assert (await desk.call(method, path, token="x.y.z"))[0] == 401
