from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from gateway.demo.seed import DESK_EMAIL, KEPT, seed
from gateway.domain.errors import Conflict, Invalid
from gateway.identity.identity import Identity
from gateway.storage.database import Database

pytestmark = pytest.mark.slow


async def test_everybody_of_the_ready_line_can_come_in(
    identity: Identity, database: Database, tmp_path: Path
) -> None:
    made = await seed(identity, database, 4, tmp_path)
    kinds = [(one.vehicle, one.kind, one.seed) for one in made.connectors]
    assert kinds == [
        ("golf", "can", 0),
        ("ram1500", "can-fd", 0),
        ("xc90", "doip", 0),
        ("golf", "can", 1),
    ]
    for one in made.connectors:
        await identity.sign_in.by_connector_uuid(UUID(one.uuid), one.pincode, address="192.0.2.1")
    operator = made.operator
    await identity.operators.token(operator.client_id, operator.client_secret, address="192.0.2.1")
    desk = made.backoffice
    login = await identity.shops.login("repair", desk.email, desk.password, address="192.0.2.1")
    assert (login.user.tenant_id, login.user.email) == (made.tenant, DESK_EMAIL)
    assert (await identity.shop("planner", desk.planner_token)).tenant_id == made.tenant
    assert (await identity.shop("field_sales", desk.field_sales_key)).tenant_id == made.tenant


async def test_another_run_in_the_folder_is_the_same_garage(
    identity: Identity, database: Database, tmp_path: Path
) -> None:
    first = await seed(identity, database, 2, tmp_path)
    assert (tmp_path / KEPT).stat().st_mode & 0o077 == 0
    assert await seed(identity, database, 2, tmp_path) == first
    fewer = await seed(identity, database, 1, tmp_path)
    assert fewer.connectors == first.connectors[:1]
    more = await seed(identity, database, 3, tmp_path)
    assert more.connectors[:2] == first.connectors
    assert (more.operator, more.backoffice) == (first.operator, first.backoffice)
    assert len(await identity.connectors.list()) == 3


async def test_a_database_whose_secrets_are_lost_is_refused(
    identity: Identity, database: Database, tmp_path: Path
) -> None:
    await seed(identity, database, 1, tmp_path)
    (tmp_path / KEPT).unlink()
    with pytest.raises(Conflict):
        await seed(identity, database, 1, tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\x00", '{"tenant": "x"}'])
async def test_a_file_that_no_demo_has_left_is_refused(
    identity: Identity, database: Database, tmp_path: Path, text: str
) -> None:
    (tmp_path / KEPT).write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=KEPT):
        await seed(identity, database, 1, tmp_path)
    assert await identity.connectors.list() == ()
