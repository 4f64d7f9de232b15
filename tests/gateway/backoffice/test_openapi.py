"""The document is made of what is served, and what is served keeps to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from quart_trio import QuartTrio
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profile import Api

APIS = {api.name: api for api in DECLARATIONS.apis}


def validator(described: dict[str, Any], pointer: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource(
        "doc:", DRAFT202012.create_resource(described)
    )
    return Draft202012Validator({"$ref": f"doc:#{pointer}"}, registry=registry)


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.name)
def test_documents_are_sound(api: Api) -> None:
    described = json.loads(json.dumps(document(api, DECLARATIONS, "1.0")))
    assert described["openapi"].startswith("3.1")
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(described)
    for name in text.split('"#/components/schemas/')[1:]:
        assert name.partition('"')[0] in described["components"]["schemas"]


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.name)
async def test_every_documented_operation_is_served(api: Api, app: QuartTrio) -> None:
    routes = {
        (rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()
    }
    for path, method, _ in operations(document(api, DECLARATIONS, "1.0")):
        rule = api.mount + path.replace("{", "<").replace("}", ">")
        assert (rule, method.upper()) in routes


def test_the_document_names_what_the_contract_names(contracts: Any) -> None:
    for name, api in APIS.items():
        known = contracts(name).document["paths"]
        for path, method, operation in operations(document(api, DECLARATIONS, "1.0")):
            alias = path.endswith("/timeline/notes")
            update = method in {"put", "patch"} and {"put", "patch"} & set(known.get(path, ()))
            assert alias or update or method in known[path], (name, method, path)
            if method == "get" and not alias:
                ours = {q["name"] for q in operation["parameters"] if q["in"] == "query"}
                theirs = {q["name"] for q in known[path][method].get("parameters", ())}
                assert ours <= theirs, (name, path)


async def test_answers_keep_to_the_document(repair: Any, planner: Any, field_sales: Any) -> None:
    body = {"first_name": "Jan", "address": "Dorpstraat 1", "email": "jan@example.test"}
    await repair.ask("POST", "/customers", json=body)
    await repair.ask("POST", "/work-orders", json={"customer_id": 1, "assigned_to": 1})
    line = {"description": "x", "unit_price": 1.5}
    await repair.ask("POST", "/work-orders/1/lines", json=line)
    await repair.ask("POST", "/work-orders/1/notes", json={"note": "x"})
    doors = {"repair": repair, "planner": planner, "field_sales": field_sales}
    checked = 0
    for name, api in APIS.items():
        described = document(api, DECLARATIONS, "1.0")
        for path, method, _ in operations(described):
            if method == "get":
                key = f"{1:024x}" if name == "field_sales" else "1"
                address = path.replace("{id}", key)
                status, answer = await doors[name].ask("GET", address)
                escaped = path.replace("/", "~1")
                pointer = f"/paths/{escaped}/get/responses/{status}/content/application~1json"
                errors = validator(described, f"{pointer}/schema").iter_errors(answer)
                assert (status, [e.message for e in errors]) == (200, []), path
                checked += 1
    assert checked == 15


def test_bodies_say_what_is_required() -> None:
    described = document(APIS["repair"], DECLARATIONS, "1.0")
    content = described["paths"]["/work-orders"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    assert schema["required"] == ["customer_id"]
    assert set(schema["properties"]) == {
        "customer_id", "device_brand", "device_model", "problem_description", "priority",
        "assigned_to", "expected_ready_at",
    }  # fmt: skip
    change = described["paths"]["/work-orders/{id}"]["patch"]["requestBody"]
    assert change["required"] is False
    assert "status" in change["content"]["application/json"]["schema"]["properties"]
