"""Documents are read in the background: by one node, again after a crash, and not for ever."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from io import BytesIO
from typing import Any

import pytest
import trio

from gateway.backoffice.recognition import Recognition
from gateway.backoffice.rules.field_sales import ocr_queue
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

#: Longer than a group lets a document be read.
LONG_AFTER = 31 * 60.0


@pytest.fixture
def desk(field_sales: Door) -> Desk:
    return Desk(field_sales)


def pdf_url(*lines: str) -> str:
    """Return a PDF with these lines as a data URL."""
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: PLC0415

    out = BytesIO()
    canvas = Canvas(out)
    for place, line in enumerate(lines):
        canvas.drawString(72, 700 - 20 * place, line)
    canvas.save()
    return "data:application/pdf;base64," + b64encode(out.getvalue()).decode()


async def group_of(desk: Desk, **settings: Any) -> dict[str, str]:
    """Make a template and a group; return what jobs name."""
    rules = {"fields": [{"name": "customer", "pattern": "Bill to"}]}
    template = await desk.make(
        "/ocr-invoice-job-template", name="T", ocrEngine="tesseract", documentType="invoice",
        extractionRules=rules,
    )  # fmt: skip
    told = {"onCompletion": True, "recipients": ["boss@example.test"]}
    group = await desk.make(
        "/ocr-invoice-job-group", name="March", template=template["_id"], notifications=told,
        processingSettings=settings,
    )  # fmt: skip
    return {"template": template["_id"], "group": group["_id"]}


async def queued(desk: Desk, number: str, url: str, **more: Any) -> str:
    """Make a job and ask for it to be read; return its path."""
    body: dict[str, Any] = {"jobNumber": number, "documentName": number, "documentUrl": url}
    job = await desk.make("/ocr-invoice-job", **body, **more)
    path = f"/ocr-invoice-job/{job['_id']}"
    asked = await desk.make(f"{path}/process", 200)
    assert asked == {"jobId": job["_id"], "status": "queued"}
    return path


async def test_a_batch_is_read_and_counted(
    desk: Desk, recognition: Recognition, in_shop: Any
) -> None:
    own = await group_of(desk)
    good = await queued(desk, "1", pdf_url("Invoice number: A-17", "Bill to: Jansen"), **own)
    bad = await queued(desk, "2", "data:;base64,AAAA", **own)
    group = f"/ocr-invoice-job-group/{own['group']}"
    assert (await desk.see(group))["status"] == "queued"
    assert (await desk.see(good))["progress"]["currentStep"] == "queued"
    assert (await desk.door.ask("POST", f"{good}/process"))[0] == 409
    await recognition.read_due()
    read, failed = await desk.see(good), await desk.see(bad)
    assert (read["status"], read["extractedData"]["invoice"]["number"]) == ("completed", "A-17")
    assert failed["status"] == "failed"
    shown = await desk.see(group)
    assert [shown[name] for name in ("status", "completedJobs", "failedJobs", "pendingJobs")] == [
        "completed", 1, 1, 0,
    ]  # fmt: skip
    assert shown["statistics"]["successRate"] == 0.5
    (letter,) = await in_shop(lambda shop: shop.where("outgoing_mail"))
    assert letter["recipient"] == "boss@example.test"
    # What ended may be asked for again.
    await desk.make(f"{bad}/process", 200)
    assert (await desk.see(group))["status"] == "processing"


async def test_pages_wait_and_are_read(desk: Desk, recognition: Recognition) -> None:
    own = await group_of(desk)
    job = (await queued(desk, "1", pdf_url("x"), **own)).rpartition("/")[2]
    page = await desk.make(
        "/ocr-invoice-job-page", job=job, pageNumber=1, pageUrl=pdf_url("Bill to: Jansen")
    )
    path = f"/ocr-invoice-job-page/{page['_id']}"
    await desk.make(f"{path}/process", 200)
    assert (await desk.see(path))["status"] == "pending"
    await recognition.read_due()
    shown = await desk.see(path)
    assert (shown["status"], shown["extractedFields"]) == ("completed", {"customer": "Jansen"})


async def test_a_silent_server_is_asked_again_and_given_up(
    desk: Desk, recognition: Recognition, clock: Any
) -> None:
    answers = [503, 503, 503]

    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some(65_536)
        line = f"HTTP/1.1 {answers[0]} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        await stream.send_all(line.encode())

    own = await group_of(desk, retryCount=1)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), refuse, 0)
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/x.pdf"
        path = await queued(desk, "1", url, **own)
        await recognition.read_due()
        shown = await desk.see(path)
        assert (shown["status"], shown["retryCount"]) == ("queued", 1)
        await recognition.read_due()  # not before its pause is over
        assert (await desk.see(path))["retryCount"] == 1
        clock.advance(61)
        await recognition.read_due()
        nursery.cancel_scope.cancel()
    shown = await desk.see(path)
    assert (shown["status"], "503" in shown["errorLog"]) == ("failed", True)


async def test_what_a_node_died_over_is_read_by_another(
    desk: Desk, recognition: Recognition, in_shop: Any, clock: Any
) -> None:
    path = await queued(desk, "1", pdf_url("Invoice number: A-17"), **(await group_of(desk)))
    row_id = int(path.rpartition("/")[2], 16)

    def take(shop: Shop) -> bool:
        return ocr_queue.take(shop, "ocr_job", row_id) is not None

    assert await in_shop(take)
    assert not await in_shop(take)  # one node alone
    await recognition.read_due()
    assert (await desk.see(path))["status"] == "processing"
    clock.advance(LONG_AFTER)
    await recognition.read_due()
    shown = await desk.see(path)
    assert (shown["status"], shown["retryCount"]) == ("completed", 1)


async def test_a_group_is_not_read_all_at_once(desk: Desk, in_shop: Any) -> None:
    own = await group_of(desk, parallelJobs=1)
    for number in "12":
        await queued(desk, number, "data:;base64,AAAA", **own)

    def take_all(shop: Shop) -> list[bool]:
        due = ocr_queue.waiting(shop)
        return [ocr_queue.take(shop, noun, row_id) is not None for noun, row_id in due]

    assert await in_shop(take_all) == [True, False]


async def test_the_urgent_comes_first(desk: Desk, in_shop: Any, clock: Any) -> None:
    own = await group_of(desk)
    for number, priority in (("1", "low"), ("2", "urgent"), ("3", "medium")):
        await queued(desk, number, "data:;base64,AAAA", priority=priority, **own)
        clock.advance(1)

    def numbers(shop: Shop) -> list[str]:
        found = ocr_queue.waiting(shop)
        return [shop.get(noun, row_id)["job_number"] for noun, row_id in found]

    assert await in_shop(numbers) == ["2", "3", "1"]


async def test_one_template_is_the_default(desk: Desk) -> None:
    body: dict[str, Any] = {
        "ocrEngine": "tesseract",
        "documentType": "invoice",
        "extractionRules": {},
    }
    first, second = [
        (await desk.make("/ocr-invoice-job-template", name=name, isDefault=True, **body))["_id"]
        for name in "AB"
    ]
    path = "/ocr-invoice-job-template"
    assert [(await desk.see(f"{path}/{one}"))["isDefault"] for one in (first, second)] == [
        False,
        True,
    ]
    assert (await desk.door.ask("PATCH", f"{path}/{first}", json={"isDefault": True}))[0] == 200
    assert (await desk.see(f"{path}/{second}"))["isDefault"] is False


async def test_groups_count_what_joins_and_leaves_them(desk: Desk) -> None:
    own, other = await group_of(desk), await group_of(desk)
    path = await queued(desk, "1", "data:;base64,AAAA", **own)

    async def totals() -> list[int]:
        groups = [f"/ocr-invoice-job-group/{one['group']}" for one in (own, other)]
        return [(await desk.see(group))["totalJobs"] for group in groups]

    assert (await totals())[0] == 1
    assert (await desk.door.ask("PATCH", path, json={"group": other["group"]}))[0] == 200
    assert await totals() == [0, 1]
    assert (await desk.door.ask("DELETE", path))[0] == 200
    assert await totals() == [0, 0]
