"""A customer portal's side: a client with tokens, and the contract its answers are held to."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from quart import Response
from quart_trio import QuartTrio

from gateway.config import TicketSettings
from gateway.domain.errors import Unauthorized
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer import notes
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.notes import NotesDoor
from gateway.rest.ordering import PLAIN
from gateway.storage.files.links import FileLinks
from gateway.web import problems
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

CONTRACT = Path(__file__).parents[1] / "contracts" / "customer.yaml"

#: Seconds that links to attachments are good for.
LINK_LIFETIME = 900.0

Json = Any  # what a test reads out of an answer is its own business


class KnownTokens:
    """Knows whose each token is; stands where identity stands in a gateway."""

    def __init__(self, principals: Mapping[str, CustomerPrincipal]) -> None:
        self._principals = principals

    async def customer(self, access_token: str) -> CustomerPrincipal:
        try:
            return self._principals[access_token]
        except KeyError:
            raise Unauthorized("token.unknown", "Sign in again.") from None


def strict_schemas() -> dict[str, Any]:
    """Return the contract's components; every known member is required, no other allowed."""
    components = copy.deepcopy(yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["components"])

    for name, schema in components["schemas"].items():
        if name != "Problem":
            _tighten(schema)
    return components  # type: ignore[no-any-return]  # as read from YAML


def _tighten(node: object) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            node["additionalProperties"] = False
            node["required"] = list(node["properties"])
        node = list(node.values())
    for member in node if isinstance(node, list) else ():
        _tighten(member)


_COMPONENTS = strict_schemas()


def conforms(document: object, schema: str) -> None:
    """Fail unless ``document`` has the shape the contract names, member by member."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": _COMPONENTS}
    Draft202012Validator(root, format_checker=FormatChecker()).validate(document)


@dataclass(frozen=True, slots=True)
class Portal:
    """A client of the customer API for three garages: tokens ``mine``, ``next``, ``far``."""

    app: QuartTrio
    workshop: Workshop
    clock: SettableClock

    async def call(
        self, method: str, path: str, *, token: str | None = "mine", json: Json = None
    ) -> Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer: Response = await self.app.test_client().open(
            path, method=method, headers=headers, json=json
        )
        return answer

    async def get(self, path: str, schema: str, *, token: str = "mine") -> Json:
        """Return the JSON of a 200 answer that conforms to ``schema``."""
        answer = await self.call("GET", path, token=token)
        assert answer.status_code == 200, await answer.get_data(as_text=True)
        document = await answer.get_json()
        conforms(document, schema)
        return document

    async def refused(
        self, method: str, path: str, status: int, *, token: str | None = "mine", json: Json = None
    ) -> Json:
        """Return the problem of a refusal with this status."""
        answer = await self.call(method, path, token=token, json=json)
        document = await answer.get_json()
        assert answer.status_code == status, document
        assert answer.content_type == problems.CONTENT_TYPE
        conforms(document, "Problem")
        assert document["status"] == status
        return document


def open_portal(workshop: Workshop, clock: SettableClock) -> Portal:
    """Return a portal onto the ordering part of the customer API."""
    tokens = KnownTokens(
        {"mine": workshop.customer, "next": workshop.neighbour, "far": workshop.stranger}
    )
    door = CustomerDoor(
        identity=tokens,
        database=workshop.database,
        tickets=workshop.service,
        presence=workshop.presence,
        clock=clock,
        state_numbers=TicketSettings().numbers,
    )
    app = QuartTrio("portal")
    problems.install(app, structlog.get_logger())
    for room in PLAIN:
        app.register_blueprint(room.blueprint(door))
    links = FileLinks(bytes(32), LINK_LIFETIME, clock)
    app.register_blueprint(notes.blueprint(NotesDoor(door, links, LINK_LIFETIME)))
    return Portal(app, workshop, clock)
