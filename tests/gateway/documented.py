"""Answers held to the OpenAPI document of their API: every one that a test gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from quart import Response, request
from quart_trio import QuartTrio

from gateway.rest.documents import api_document

Json = Any  # JSON Schema, and what is checked against it


def plain(path: str) -> str:
    """Return an address without the names of its parameters."""
    return re.sub(r"<[^>]*>|{[^}]*}", "?", path)


def closed(schema: Json) -> Json:
    """Return a schema whose records have no members but those that it names."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(one) for name, one in schema.items()}
    if "properties" in schema and "required" in schema:
        inner.setdefault("additionalProperties", False)
    return inner


@cache
def responses(api: str) -> Mapping[tuple[str, str], Json]:
    """Return what each operation may answer, by method and plain address."""
    return {
        (method.upper(), plain(path)): one["responses"]
        for path, methods in api_document(api)["paths"].items()
        for method, one in methods.items()
    }


@cache
def validator(api: str, reference: str) -> Draft202012Validator:
    """Return what judges answers of one schema of the document."""
    components = closed(api_document(api)["components"])
    # Refusals may carry members of their own.
    components["schemas"]["Problem"].pop("additionalProperties", None)
    return Draft202012Validator({"$ref": reference, "components": components})


def hold_to(app: QuartTrio, api: str, prefix: str) -> list[str]:
    """Check every answer below ``prefix``; return the list that takes what is wrong."""
    wrong: list[str] = []

    @app.after_request
    async def check(answer: Response) -> Response:
        rule = request.url_rule
        if rule is not None and rule.rule.startswith(prefix):
            allowed = responses(api)[request.method, plain(rule.rule)]
            is_json = "json" in (answer.content_type or "")
            body = await answer.get_json() if is_json else None
            found = problems(api, allowed, answer.status_code, answer.content_type, body)
            wrong.extend(
                f"{request.method} {rule.rule} {answer.status_code}: {it}" for it in found
            )
        return answer

    return wrong


def problems(
    api: str, allowed: Json, status: int, content_type: str | None, body: Json
) -> list[str]:
    """Return what an answer has that the document of its operation does not say."""
    told = allowed.get(str(status))
    if told is None:
        return ["no such status is documented"]
    media = (content_type or "").partition(";")[0]
    content = told.get("content", {})
    if not content:
        return [] if body is None else ["a body is not documented"]
    if media not in content:
        return [] if "*/*" in content else [f"{media or 'nothing'} is not documented"]
    schema = content[media]["schema"]
    if "json" not in media or "$ref" not in schema:
        return []
    errors = validator(api, schema["$ref"]).iter_errors(body)
    return [f"{error.json_path}: {error.message:.200}" for error in errors]


def check_answer(method: str, url: str, status: int, content_type: str | None, body: Json) -> None:
    """Hold an answer that came over the network to the document of its API, if it has one."""
    path = url.partition("?")[0]
    for api, prefix in (("operator", "/operator/"), ("partner", "/partner/")):
        if path.startswith(prefix):
            fitting = [it for it in responses(api) if it[0] == method and fits(it[1], path)]
            # The one with the fewest parameters: ``/tickets/tickets`` is no ``/tickets/?``.
            for key in sorted(fitting, key=lambda it: it[1].count("?"))[:1]:
                found = problems(api, responses(api)[key], status, content_type, body)
                assert found == [], f"{key} answered {status} {body}: {found}"


def fits(template: str, path: str) -> bool:
    """Tell whether a path is one of a plain address."""
    return re.fullmatch(re.escape(template).replace(r"\?", "[^/]+"), path) is not None
