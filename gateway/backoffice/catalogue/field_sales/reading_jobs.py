"""Operations that read documents: the document is fetched and read outside of transactions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from gateway.backoffice.action import Action, Call, Run
from gateway.backoffice.catalogue.field_sales.acts import OBJECT, TEXT, answer, many, on_one
from gateway.backoffice.catalogue.field_sales.ocr import OCR_JOB, OCR_JOB_GROUP, OCR_JOB_PAGE
from gateway.backoffice.profiles.field_sales import FIELD_SALES, SUCCESS_DATA
from gateway.backoffice.rules.field_sales import ocr
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import GatewayError

#: Documents larger than this are not read.
_MOST_BYTES = 20 * 1024 * 1024


async def _data(call: Call, url: str) -> bytes:
    data = ocr.inline(url)
    if data is None:
        reply = await call.outside.ask_typed("GET", url)
        if not reply.ok:
            raise ocr.Unreadable(f"The document's server answered {reply.status}.")
        data = reply.data
    if len(data) > _MOST_BYTES:
        raise ocr.Unreadable(f"The document is larger than {_MOST_BYTES} bytes.")
    return data


def _process(
    noun: str, url: str, key: str, finish: Callable[[Shop, Values, ocr.Read], None]
) -> Run:
    async def run(call: Call) -> object:
        row = await call.write(lambda shop: ocr.begin(shop, noun, call.id()))
        try:
            data = await _data(call, row[url])
            found = await trio.to_thread.run_sync(ocr.read_document, data, abandon_on_cancel=True)
        except (ocr.Unreadable, GatewayError) as error:
            reason = error.detail if isinstance(error, GatewayError) else str(error)
            await call.write(partial(ocr.fail, noun=noun, row=row, reason=reason))
        else:
            await call.write(lambda shop: finish(shop, row, found))
        return SUCCESS_DATA.value({key: call.path["id"], "status": "processing"})

    return run


def _processing(name: str, path: str, key: str, run: Run) -> Action:
    return Action(
        name,
        FIELD_SALES,
        "POST",
        f"{path}/{{id}}/process",
        "Read a document",
        SUCCESS_DATA.schema(answer(**{key: TEXT, "status": TEXT})),
        run,
        ability=f"{path.strip('/')}:write",
        tag=path.strip("/"),
    )


ACTIONS = (
    _processing(
        "processOCRJob",
        OCR_JOB.path,
        "jobId",
        _process("ocr_job", "document_url", "jobId", ocr.finish_job),
    ),
    _processing(
        "processOCRJobPage",
        OCR_JOB_PAGE.path,
        "pageId",
        _process("ocr_job_page", "page_url", "pageId", ocr.finish_page),
    ),
    on_one(
        OCR_JOB,
        "getOCRJobResults",
        "/{id}/results",
        ocr.results,
        "Show what a job found",
        method="GET",
        shows=OBJECT,
    ),
    on_one(
        OCR_JOB_GROUP,
        "listJobsOfOCRGroup",
        "/{id}/jobs",
        ocr.jobs_of,
        "List the jobs of a group",
        method="GET",
        shows=many(OBJECT),
    ),
)
