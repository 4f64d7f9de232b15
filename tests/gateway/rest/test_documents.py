"""Documents are held to what is mounted, to the contract, and to OpenAPI's own rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from jsonschema import Draft202012Validator
from quart_trio import QuartTrio

from gateway.app import _core, build_http
from gateway.backoffice.documents import documents
from gateway.cli import main
from gateway.config import Settings
from gateway.rest.customer import described, described_catalogue
from gateway.rest.documents import APIS, api_document
from gateway.rest.operator import answers as operator_answers
from gateway.rest.operator import described as operator_described
from gateway.rest.operator import described_tickets
from gateway.rest.partner import answers as partner_answers
from gateway.rest.partner import described as partner_described
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.storage.database import Database
from tests.contracts.customer_calls import operations
from tests.gateway.portals import strict_schemas

PREFIXES = {
    "customer": ("/v1/", "/v2/", "/legacy/"),
    "operator": ("/operator/",),
    "partner": ("/partner/",),
}


@pytest.fixture
async def app(settings: Settings, database: Database, log: Log) -> QuartTrio:
    return build_http(await _core(settings, log, Metrics(), database), trio.Event())


def plain(path: str) -> str:
    return re.sub(r"<[^>]*>|{[^}]*}", "?", path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PREFIXES)
async def test_what_is_mounted_is_described_and_the_reverse(app: QuartTrio, name: str) -> None:
    mounted = {
        (method, plain(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIXES[name])
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    paths = api_document(name)["paths"].items()
    told = {(method.upper(), plain(path)) for path, methods in paths for method in methods}
    assert told == mounted


def test_answers_are_those_of_the_contract() -> None:
    schemas, answers = strict_schemas()["schemas"], described.describe().schemas

    def bare(node: object) -> object:
        if isinstance(node, dict):
            return {k: bare(v) for k, v in node.items() if not str(k).startswith("x-")}
        return [bare(one) for one in node] if isinstance(node, list) else node

    assert answers == {name: bare(schemas[name]) for name in answers}
    by_name = {one.name: one for one in described.describe().operations}
    for operation in operations():
        told = by_name[operation.name]
        wanted = operation.schema and (operation.schema.get("$ref") or operation.schema)
        name = wanted.rpartition("/")[2] if isinstance(wanted, str) else wanted
        assert (told.answer, told.status) == (name, operation.status), operation.name


@pytest.mark.slow
async def test_documents_and_their_page_are_served(app: QuartTrio) -> None:
    client = app.test_client()
    assert {"repair", "planner", "field_sales"} <= documents().keys()
    for name in (*APIS, *documents()):
        answer = await client.get(f"/openapi/{name}.json")
        assert answer.status_code == 200, name
        served = json.loads(await answer.get_data())
        assert served["openapi"] == "3.1.0"
        for schema in served["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)
    page = await client.get("/docs")
    text = await page.get_data(as_text=True)
    assert "/v1/tickets" in text
    assert not re.search(r"<script|<link|https?://|src=", text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    unknown = await client.get("/openapi/nothing.json")
    assert unknown.status_code == 404
    assert "customer" in (await unknown.get_json())["detail"]


@pytest.mark.parametrize("name", APIS)
def test_the_command_prints_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi", name]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(api_document(name)))


@pytest.mark.parametrize("answers", [operator_answers.answers, partner_answers.answers])
def test_answers_of_our_own_name_their_members(answers: Callable[[], Iterator[Any]]) -> None:
    made = dict(answers())
    assert len(made) == len(list(answers())), "each name once"
    for name, schema in made.items():
        assert schema["properties"].keys() >= set(schema["required"]), name
        assert schema["properties"], name
    told = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(made)))
    assert told <= made.keys() | {"EcuAddress"}  # which orders of jobs have as well


def test_ids_are_numbers_where_they_are_numbers() -> None:
    assert described_catalogue.VEHICLE[0].required
    assert "{ticket_id}" in described_tickets.TICKETS[1].address
    assert operator_described.describe().parameters["ticket_id"]["type"] == "integer"
    assert partner_described.describe().operations[0].public
    assert Path(described.__file__).with_name("answers.json").is_file()
