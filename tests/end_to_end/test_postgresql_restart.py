"""PostgreSQL itself is stopped and started under a gateway that works."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.config import DatabaseSettings, Secret
from gateway.storage.copying import copy_between
from tests.end_to_end.houses import House, Json, open_house, tell
from tests.support.link_world import until
from tests.support.postgres import Cluster, private_cluster

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(300)]

#: Seconds that the server is gone.
GONE = 4.0


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test alone."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o755)
        with private_cluster(Path(folder) / "s") as running:
            yield running


@dataclass
class Load:
    """What people did meanwhile.

    Attributes:
        exchanges: exchanges that were answered.
        reads: status -> how many reads of the database got it.
        notes: texts of the notes whose writing was acknowledged.
    """

    exchanges: int = 0
    reads: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


async def test_it_restarts_under_load(
    cluster: Cluster, folder: Path, log: FilteringBoundLogger
) -> None:
    url = cluster.url.render_as_string(hide_password=False)
    copied = partial(copy_between, f"sqlite:///{folder}/gateway.db", url, lambda _: None)
    assert await trio.to_thread.run_sync(copied) > 100
    database = DatabaseSettings(url=Secret(url), connect_timeout=2.0)
    async with open_house(folder, log, database=database, within=120) as house:
        await house.plug_in("can")
        operator = await house.operator()
        session = await house.session("can", operator)
        load = Load()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_exchange, house, operator, session, load)
            nursery.start_soon(_read, house, operator, load)
            nursery.start_soon(_write, house, await _desk(house), load)
            await trio.sleep(1)
            await trio.to_thread.run_sync(cluster.server.stop)
            before = load.exchanges
            await trio.sleep(GONE)
            # Whoever needs no database does not notice.
            assert load.exchanges > before + 5
            assert house.gateway.registry.require(UUID(house.connector("can").uuid)).connected
            await trio.to_thread.run_sync(cluster.server.start)
            good = load.reads.get(200, 0)
            await until(lambda: load.reads.get(200, 0) > good + 5, within=20)
            nursery.cancel_scope.cancel()
        assert load.reads.keys() == {200, 503}
        await _check_nothing_is_lost(house, operator, session, load)


async def _check_nothing_is_lost(house: House, operator: str, session: Json, load: Load) -> None:
    desk, names, page = await _desk(house), set[str](), 1
    while page:
        path = f"/backoffice/repair/api/customers?page={page}"
        listed = await house.done("GET", path, token=desk)
        names |= {one["last_name"] for one in listed["data"]}
        page = page + 1 if page < listed["last_page"] else 0
    assert len(load.notes) > 3
    assert set(load.notes) <= names
    await house.call("DELETE", f"/operator/v1/sessions/{session['id']}", token=operator)
    path = f"/operator/v1/recordings/{session['id']}"
    with trio.fail_after(20):
        while (found := await house.done("GET", path, token=operator))["state"] != "whole":  # noqa: ASYNC110 - over HTTP
            await trio.sleep(0.1)
    assert found["exchanges"] >= load.exchanges


async def _desk(house: House) -> str:
    desk = house.people.backoffice
    body = {"email": desk.email, "password": desk.password}
    return str((await house.done("POST", "/backoffice/repair/api/auth/login", body))["token"])


async def _exchange(house: House, token: str, session: Json, load: Load) -> None:
    ecu = (await house.ecus("can", token))[0]
    while True:
        assert (await tell(house, token, session, ecu, "22F190"))[0] == 0x62
        load.exchanges += 1
        await trio.sleep(0.05)


async def _read(house: House, token: str, load: Load) -> None:
    while True:
        status = (await house.call("GET", "/operator/v1/tickets", token=token)).status_code
        load.reads[status] = load.reads.get(status, 0) + 1
        await trio.sleep(0.05)


async def _write(house: House, token: str, load: Load) -> None:
    number = 0
    while True:
        number += 1
        name = f"Meanwhile {number}"
        body = {"first_name": "Zoë", "last_name": name, "email": f"n{number}@example.test"}
        answer = await house.call("POST", "/backoffice/repair/api/customers", body, token=token)
        assert answer.status_code in {201, 503}, answer.text
        if answer.status_code == 201:
            load.notes.append(name)
        await trio.sleep(0.1)
