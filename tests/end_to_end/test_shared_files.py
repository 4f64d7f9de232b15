"""What nodes share in a bucket: a gateway puts there what others will need."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.sessions.recording import archive
from gateway.storage.files.bucket import BucketStore
from gateway.storage.images import ImageStore
from tests.end_to_end.houses import open_house, tell
from tests.support.buckets import Service, open_service
from tests.support.link_world import until

pytestmark = [pytest.mark.slow, pytest.mark.process]

IMAGE = bytes(range(256)) * 500


@pytest.fixture
def service() -> Iterator[Service]:
    with open_service() as running:
        yield running


async def test_an_image_is_there_for_the_other_nodes(
    folder: Path, log: FilteringBoundLogger, service: Service, tmp_path: Path
) -> None:
    chosen = await trio.to_thread.run_sync(service.bucket, "shared")
    name = hashlib.sha256(IMAGE).hexdigest()
    async with open_house(folder, log, files=chosen) as house:
        headers = {"Authorization": f"Bearer {await house.operator()}"}
        answer = await house.client.post("/operator/v1/images", content=IMAGE, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == name
    shutil.rmtree(folder / "images")
    bucket = BucketStore(chosen, log, "images")
    async with trio.open_nursery() as nursery:
        await nursery.start(bucket.run)
        assert await bucket.keys(datetime.now(UTC) + timedelta(hours=1)) == (name,)
        other = ImageStore(tmp_path / "other", bucket)
        assert await other.read(name, 100, 300) == IMAGE[100:400]
        nursery.cancel_scope.cancel()


async def test_without_the_bucket_an_image_is_refused_and_everything_else_goes_on(
    folder: Path, log: FilteringBoundLogger, service: Service
) -> None:
    chosen = await trio.to_thread.run_sync(service.bucket, "gone")
    async with open_house(folder, log, files=chosen) as house:
        token = await house.operator()
        service.process.kill()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await house.client.post("/operator/v1/images", content=IMAGE, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "files.unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert await house.done("GET", "/operator/v1/images", token=token) is not None
        assert (await house.call("GET", "/readyz")).status_code == 200


async def test_a_recording_is_had_from_another_node_than_the_one_that_made_it(
    folder: Path, log: FilteringBoundLogger, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "INTERVAL", 0.1)
    chosen = await trio.to_thread.run_sync(service.bucket, "recordings")
    async with open_house(folder, log, files=chosen) as house:
        await house.plug_in("can")
        token = await house.operator()
        session = await house.session("can", token)
        ecu = (await house.ecus("can", token))[0]
        await tell(house, token, session, ecu, "22F190")
        await house.call("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
        mark = folder / "recordings" / session["id"] / archive.MARK
        await until(mark.exists, within=20)
    # Another node: the same database and bucket, and a disk of its own.
    shutil.rmtree(folder / "recordings")
    async with open_house(folder, log, files=chosen) as house:
        path = f"/operator/v1/sessions/{session['id']}/recording?format=candump"
        exported = await house.call("GET", path, token=await house.operator())
        assert exported.status_code == 200, exported.text
        assert "62F190" in exported.text
        assert (folder / "recordings" / session["id"]).is_dir()
