"""Files in a bucket, against a service of somebody else's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx2
import pytest
import trio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.config import FileSettings, Secret
from gateway.domain.errors import Unavailable
from gateway.storage.files import bucket as module
from gateway.storage.files.bucket import BucketStore
from tests.support.buckets import SETTINGS, Service, open_service

pytestmark = [pytest.mark.slow, pytest.mark.process]

KEY, OTHER = "ab" * 16, "cd" * 16

_names = count(1)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with open_service() as running:
        yield running


@pytest.fixture
async def chosen(service: Service) -> FileSettings:
    """Settings of a bucket of the test's own."""
    return await trio.to_thread.run_sync(service.bucket, f"bucket-{next(_names)}")


@pytest.fixture
async def store(chosen: FileSettings, log: FilteringBoundLogger) -> AsyncIterator[BucketStore]:
    async with running(chosen, log) as opened:
        yield opened


@asynccontextmanager
async def running(chosen: FileSettings, log: FilteringBoundLogger) -> AsyncIterator[BucketStore]:
    store = BucketStore(chosen, log)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        yield store
        nursery.cancel_scope.cancel()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def test_what_was_put_is_there(store: BucketStore) -> None:
    await store.put(KEY, chunks(b"one", b"", b"two"))
    assert await store.read(KEY, 0, 100) == b"onetwo"
    assert await store.keys(later()) == (KEY,)
    await store.delete(KEY)
    await store.delete(KEY)
    with pytest.raises(FileNotFoundError):
        await store.read(KEY, 0, 100)


async def test_any_part_can_be_read(store: BucketStore) -> None:
    data = os.urandom(200_000)
    await store.put(KEY, chunks(data))
    assert await store.read(KEY, 70_000, 1_000) == data[70_000:71_000]
    assert await store.read(KEY, 199_999, 1_000) == data[199_999:]
    assert await store.read(KEY, 200_000, 1_000) == b""


async def test_what_is_larger_than_a_part_arrives_in_order(store: BucketStore) -> None:
    data = os.urandom(2 * module.PART + 12_345)
    pieces = (data[at : at + 300_000] for at in range(0, len(data), 300_000))
    await store.put(KEY, chunks(*pieces))
    for offset in (0, module.PART - 10, 2 * module.PART - 10, len(data) - 20):
        assert await store.read(KEY, offset, 20) == data[offset : offset + 20]
    assert await store.read(KEY, len(data), 20) == b""


async def test_what_ends_with_a_part_is_whole(store: BucketStore) -> None:
    await store.put(KEY, chunks(bytes(module.PART)))
    assert await store.read(KEY, module.PART - 1, 20) == b"\0"


@pytest.mark.parametrize("sent", [100, module.PART + 100])
async def test_what_breaks_off_leaves_nothing(
    store: BucketStore, chosen: FileSettings, sent: int
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(sent)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.put(KEY, broken())
    assert await _uploads(store) == []  # looked at first: the upkeep aborts what it finds
    assert await store.keys(later()) == ()


async def test_the_upkeep_aborts_uploads_that_were_left(store: BucketStore) -> None:
    name = store._name(KEY)
    await store._document("POST", name, {"uploads": ""})
    await store.keys(datetime(2001, 1, 1, tzinfo=UTC))
    assert len(await _uploads(store)) == 1
    await store.keys(later())
    assert await _uploads(store) == []


async def test_what_others_keep_in_the_bucket_is_left_alone(
    store: BucketStore, chosen: FileSettings, log: FilteringBoundLogger
) -> None:
    await store.put(KEY, chunks(b"mine"))
    other = BucketStore(replace(chosen, s3_prefix="elsewhere/"), log)
    await other.put(OTHER, chunks(b"theirs"))
    await store._ask("PUT", "gateway/files/readme.txt", content=b"by hand")
    assert await store.keys(later()) == (KEY,)
    assert await store.keys(datetime.now(UTC) - timedelta(hours=1)) == ()
    await other._http.aclose()


async def test_a_listing_of_many_pages_is_read_to_its_end(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tuple(f"{number:032x}" for number in range(5))
    for key in keys:
        await store.put(key, chunks(b"x"))
    asked, ask = [], store._ask

    async def two_at_a_time(
        method: str, name: str, query: dict[str, str], **more: object
    ) -> object:
        asked.append(query)
        return await ask(method, name, query | {"max-keys": "2"}, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_ask", two_at_a_time)
    assert await store.keys(later()) == keys
    assert len(asked) == 4  # uploads, and three pages


async def test_clients_fetch_by_themselves_where_they_can(
    store: BucketStore, chosen: FileSettings, log: FilteringBoundLogger
) -> None:
    await store.put(KEY, chunks(b"for you"))
    assert store.direct(KEY, "text/plain", "attachment", 60) is None
    public = BucketStore(replace(chosen, s3_public_endpoint=chosen.s3_endpoint), log)
    address = public.direct(KEY, "image/png", "attachment; filename*=UTF-8''Zo%C3%AB.png", 60)
    assert address is not None
    answer = await public._http.get(address)
    assert answer.content == b"for you"
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Zo%C3%AB.png"
    await public._http.aclose()


async def test_a_bucket_that_is_not_there_is_told_and_named_in_the_log(
    chosen: FileSettings, log: FilteringBoundLogger, logged: CapturingLogger
) -> None:
    async with running(replace(chosen, s3_bucket="nowhere"), log) as store:
        with pytest.raises(Unavailable) as refused:
            await store.put(KEY, chunks(b"x"))
        assert refused.value.retry_after
    assert [call.kwargs["reason"] for call in logged.calls] == ["404 NoSuchBucket"]


async def test_a_service_that_is_gone_is_unavailable_and_no_address_is_logged(
    log: FilteringBoundLogger, logged: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    nobody = replace(SETTINGS, s3_endpoint="http://127.0.0.1:1", s3_bucket="b")
    async with running(nobody, log) as store:
        for attempt in (store.read(KEY, 0, 1), store.delete(KEY), store.keys(later())):
            with pytest.raises(Unavailable):
                await attempt
    assert "ConnectError" in repr(logged.calls)
    assert "Signature" not in repr(logged.calls)


async def test_a_hiccup_is_got_over(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    answers = [httpx2.Response(503), httpx2.Response(429)]
    send = store._http.request

    async def at_first_not(*args: object, **more: object) -> httpx2.Response:
        return answers.pop() if answers else await send(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store._http, "request", at_first_not)
    await store.put(KEY, chunks(b"after all"))
    assert await store.read(KEY, 0, 100) == b"after all"


@pytest.mark.parametrize("key", ["", "x" * 32, "../" + "a" * 29, "AB" * 16])
async def test_no_key_leads_elsewhere(store: BucketStore, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        await store.read(key, 0, 1)


def test_the_secret_is_not_shown(log: FilteringBoundLogger) -> None:
    secret = SETTINGS.s3_secret_key
    assert isinstance(secret, Secret)
    assert secret.reveal() not in repr(SETTINGS)


async def _uploads(store: BucketStore) -> list[str]:
    page = await store._document("GET", "", {"uploads": "", "prefix": store._prefix})
    return [one.key for one in module._listed(page, "Upload", "Initiated")]
