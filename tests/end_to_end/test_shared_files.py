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

from gateway.storage.files.bucket import BucketStore
from gateway.storage.images import ImageStore
from tests.end_to_end.houses import open_house
from tests.support.buckets import Service, open_service

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
