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

#: What the contract names without giving it an operation, and what stands beside it.
MORE = {
    "/v1/changes",
    "/v1/garage",
    "/v1/email/mailbox",
    "/v1/garage/hook-secret",
    "/v1/quotations/{id}/pdf",
    "/v1/credit-notes/{id}/pdf",
    "/invoices/{id}/payment-link",
    "/customers/{id}/erase",
    "/hooks/{garage_id}/twilio",
    "/hooks/{garage_id}/stripe",
    "/hooks/{garage_id}/mollie",
    "/hooks/{garage_id}/mail",
    "/v1/work-orders/{id}/timeline/notes",
    "/tags",
    "/tags/{id}",
    "/suppliers",
    "/suppliers/{id}",
    "/receiving/low-stock",
    "/leave/calendar.ics",
    "/auth/accept-invitation",
    "/licenses/current",
    "/licenses/{id}/modules/deactivate",
    "/pricing/agreements/{id}/signature",
    "/documents/{token}",
    "/portal/{token}",
    "/portal-entry/{key}",
    "/appointment-type/{id}",
    "/appointment/{id}/plan",
    "/appointment/{id}/confirm",
    "/appointment/{id}/visited",
    "/appointment/{id}/not-visited",
    "/client/{id}/item/{item_id}/attachments/{attachment_id}",
    "/client/{id}/item/{item_id}/comments",
    "/book/{token}",
}

#: Operations beside those that the contract has at the same path.
BESIDE = {("planner", "post", "/appointment-type"), ("planner", "put", "/company")} | {
    ("planner", "patch", "/company")
}

#: Parameters by which lists can be narrowed beyond what the contract says.
NARROWED = {
    "/appointment": {"client_id"},
    "/item": {"plan_until", "sort", "ordertype"},
    "/contract-installment": {"due_date"},
}

APIS = {api.name: api for api in DECLARATIONS.apis}

#: By which field-sales lists are read on from where a client stopped, and documents are shown
#: with what they refer to.
CURSORS = {"from__id", "to__id", "from_updatedAt", "to_updatedAt", "company_namespace"} | {
    "sortPageOrder",
    "populatedKeys",
}


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
    # Any: the client's type wants every argument that it has defaults for.
    client: Any = app.test_client()
    for path, method, operation in operations(document(api, DECLARATIONS, "1.0")):
        answer = await client.open(api.mount + path, method=method.upper())
        # Whoever has no token learns so; a public one wants a body.
        expected = {422, 404, 400} if operation.get("security") == [] else {401}
        assert answer.status_code in expected, path


def test_the_document_names_what_the_contract_names(contracts: Any) -> None:
    for name, api in APIS.items():
        known = contracts(name).document["paths"]
        for path, method, operation in operations(document(api, DECLARATIONS, "1.0")):
            alias = path in MORE or (name, method, path) in BESIDE
            # The contract calls the parent's id by the parent's name.
            path = path.replace("/client/{id}/item", "/client/{client_id}/item")  # noqa: PLW2901
            update = method in {"put", "patch"} and {"put", "patch"} & set(known.get(path, ()))
            also = {
                verb
                for one in known.get(path, {}).values()
                if isinstance(one, dict)
                for verb in one.get("x-accept-also", ())
            }
            assert alias or update or method in also or method in known[path], (name, method, path)
            if method == "get" and not alias and method in known[path]:
                ours = {q["name"] for q in operation["parameters"] if q["in"] == "query"}
                theirs = {
                    q["name"].removesuffix("[]") for q in known[path][method].get("parameters", ())
                }
                # A free ``params`` object takes any; the cursors belong to whole families.
                free = ours if "params" in theirs else CURSORS
                assert ours <= theirs | free | NARROWED.get(path, set()), (name, path)


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
            # What needs more than these rows is in the walk over the contract.
            rooms = {
                "repair": ("/customers", "/work-orders"),
                "planner": ("/client/{id}/", "/address", "/user", "/company/", "/appointment/"),
                "field_sales": ("/client/",),
            }
            wanted = (path + "/").startswith(rooms.get(name, "/"))
            if method == "get" and wanted and path.count("{") < 2 and path != "/appointment/{id}":
                key = f"{1:024x}" if name == "field_sales" else "1"
                address = path.replace("{id}", key)
                status, answer = await doors[name].ask("GET", address)
                escaped = path.replace("/", "~1")
                pointer = f"/paths/{escaped}/get/responses/{status}/content/application~1json"
                errors = validator(described, f"{pointer}/schema").iter_errors(answer)
                assert (status, [e.message for e in errors]) == (200, []), path
                checked += 1
    assert checked > 10


def test_bodies_say_what_is_required() -> None:
    described = document(APIS["repair"], DECLARATIONS, "1.0")
    content = described["paths"]["/work-orders"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    assert schema["required"] == ["customer_id"]
    assert set(schema["properties"]) == {
        "customer_id", "device_brand", "device_model", "problem_description", "priority",
        "assigned_to", "expected_ready_at", "branch_id",
    }  # fmt: skip
    change = described["paths"]["/work-orders/{id}"]["patch"]["requestBody"]
    assert change["required"] is False
    assert "status" in change["content"]["application/json"]["schema"]["properties"]
