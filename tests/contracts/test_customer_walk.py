"""The customer portal's contract, walked operation by operation against a gateway that runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from structlog.typing import FilteringBoundLogger

from gateway.config import ChatSettings
from gateway.rest.customer.paths import PATHS
from tests.contracts.customer_calls import (
    CALLS,
    NAMED,
    OWNED,
    SHARED,
    SIGN_IN,
    Operation,
    Scene,
    neighbour,
    open_scene,
    operations,
)
from tests.end_to_end.conftest import folder, furnished_folder  # noqa: F401 - fixtures
from tests.end_to_end.houses import open_house
from tests.gateway.chat.test_translation import LibreTranslate, server  # noqa: F401 - fixture
from tests.gateway.mail.postmaster import mail_server
from tests.gateway.portals import conforms

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EVERY = tuple(operations())
BY_NAME = {operation.name: operation for operation in EVERY}


@pytest.fixture
async def scene(
    folder: Path,  # noqa: F811 - the fixture of that name, like the next but one
    log: FilteringBoundLogger,
    server: LibreTranslate,  # noqa: F811
) -> AsyncIterator[Scene]:
    """A gateway with everything that operations need, mail and translation included."""
    translator = ChatSettings(translation_url=f"http://127.0.0.1:{server.server_address[1]}")
    with mail_server() as postmaster:
        async with open_house(folder, log, chat=translator, mail=postmaster.settings()) as house:
            yield await open_scene(house)


def conforms_to(operation: Operation, document: object) -> None:
    """Fail unless an answer has every member that the contract names, and no other."""
    assert operation.schema is not None
    reference = operation.schema.get("$ref")
    if reference is None:
        Draft202012Validator(operation.schema).validate(document)
    else:
        conforms(document, reference.rpartition("/")[2])


def test_the_contract_has_47_operations_and_each_has_a_call() -> None:
    assert len(BY_NAME) == len(EVERY) == 47
    assert CALLS.keys() == BY_NAME.keys()
    assert NAMED.keys() <= CALLS.keys()


async def test_every_operation_answers_as_the_contract_says(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    walked = set()
    for name, call in CALLS.items():
        operation = BY_NAME[name]
        token = None if name in SIGN_IN else scene.token
        answer = await scene.call(operation, call(scene.ids), token=token)
        assert answer.status_code == operation.status, (name, answer.text)
        if operation.schema is None:
            assert answer.content == b"", name
        else:
            assert answer.headers["Content-Type"] == "application/json", name
            conforms_to(operation, answer.json())
        walked.add(name)
    with capsys.disabled():
        print(f" {len(walked)} of {len(EVERY)} operations")  # noqa: T201 - how far we are
    assert walked == BY_NAME.keys()


async def test_what_is_listed_is_there(scene: Scene) -> None:
    """An empty list conforms to everything: the lists of the walk are not empty."""
    await scene.call(
        BY_NAME["addFavoriteProduct"], CALLS["addFavoriteProduct"](scene.ids), token=scene.token
    )
    empty = set()
    for name, call in CALLS.items():
        operation = BY_NAME[name]
        if operation.schema is None or not str(operation.schema.get("$ref")).endswith("Page"):
            continue
        document = (await scene.call(operation, call(scene.ids), token=scene.token)).json()
        assert document["total"] >= len(document["result"])
        if not document["result"]:
            empty.add(name)
    assert empty == set()


async def test_without_a_good_token_nothing_is_told(scene: Scene) -> None:
    for name, call in CALLS.items():
        if name in SIGN_IN:
            continue
        for token in (None, "x.y.z", scene.token[:-8] + "AAAAAAAA"):
            answer = await scene.call(BY_NAME[name], call(scene.ids), token=token)
            assert answer.status_code == 401, (name, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            conforms(answer.json(), "Problem")


def lacking(names: tuple[str, ...], ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ids`` with some of them replaced by what nothing has."""
    return {**ids, **{name: {**OWNED, **SHARED}[name] for name in names}}


async def test_what_is_not_there_is_a_404(scene: Scene) -> None:
    for name, names in NAMED.items():
        call = CALLS[name](lacking(names, scene.ids))
        answer = await scene.call(BY_NAME[name], call, token=scene.token)
        assert answer.status_code == 404, (name, answer.text)
        problem = answer.json()
        conforms(problem, "Problem")
        assert not problem["code"].startswith("http."), (name, "nothing is mounted there")


async def test_another_garages_things_are_not_there(scene: Scene) -> None:
    other = await neighbour(scene.house)
    before = scene.house.rows()
    for name, names in NAMED.items():
        if not OWNED.keys() & set(names):
            continue
        foreign = await scene.call(BY_NAME[name], CALLS[name](scene.ids), token=other)
        unknown = await scene.call(
            BY_NAME[name], CALLS[name](lacking(names, scene.ids)), token=other
        )
        assert foreign.status_code == unknown.status_code == 404, (name, foreign.text)
        assert foreign.json()["code"] == unknown.json()["code"], name
    for name in ("listHistoricalTickets", "listPreparedTickets", "listServicedVehicles"):
        listed = await scene.call(BY_NAME[name], CALLS[name](scene.ids), token=other)
        assert listed.json()["total"] == 0, name
    assert scene.house.rows() == before


async def test_what_has_not_changed_is_not_sent_again(scene: Scene) -> None:
    reads = [
        name
        for name, operation in BY_NAME.items()
        if operation.method == "GET" and name not in {"getActiveTicket", "getChannelAttachment"}
    ]
    assert len(reads) > 20
    known = {}
    for name in reads:
        operation, call = BY_NAME[name], CALLS[name](scene.ids)
        first = await scene.call(operation, call, token=scene.token)
        path, query = operation.path.format(**call.path), dict(call.query)
        headers = {
            "Authorization": f"Bearer {scene.token}",
            "If-None-Match": first.headers["ETag"],
        }
        again = await scene.house.client.get(path, params=query, headers=headers)
        assert (again.status_code, again.content) == (304, b""), (name, again.text)
        assert again.headers["ETag"] == first.headers["ETag"]
        if name == "getCustomer":
            known = headers
    await scene.call(
        BY_NAME["changeCustomer"], CALLS["changeCustomer"](scene.ids), token=scene.token
    )
    news = await scene.house.client.get("/v1/customers/me", headers=known)
    assert (news.status_code, news.json()["city"]) == (200, "Sneek")


def test_paths_that_are_not_certain_come_from_the_table() -> None:
    uncertain = {one.name: one.path for one in EVERY if one.confidence != "high"}

    def plain(path: str) -> str:
        return re.sub(r"<[^>]*>|\{[^}]*\}", "?", path)

    assert {name: plain(path) for name, path in PATHS.items()} == {
        name: plain(path) for name, path in uncertain.items()
    }
