"""Operations on documents that are to be read; reading happens in the background."""

from __future__ import annotations

from gateway.backoffice.action import Action
from gateway.backoffice.catalogue.field_sales.acts import OBJECT, TEXT, answer, many, on_one
from gateway.backoffice.catalogue.field_sales.cells import ID
from gateway.backoffice.catalogue.field_sales.ocr import OCR_JOB, OCR_JOB_GROUP, OCR_JOB_PAGE
from gateway.backoffice.resource import Resource
from gateway.backoffice.rules.field_sales import ocr, ocr_queue
from gateway.backoffice.shop import Shop, Values


def _processing(name: str, resource: Resource, key: str) -> Action:
    def queue(shop: Shop, row: Values, _: Values) -> object:
        ocr_queue.queue(shop, resource.noun.name, row["id"])
        return {key: ID.render(row["id"]), "status": "queued"}

    shows = answer(**{key: TEXT, "status": TEXT})
    return on_one(resource, name, "/{id}/process", queue, "Read a document", shows=shows)


ACTIONS = (
    _processing("processOCRJob", OCR_JOB, "jobId"),
    _processing("processOCRJobPage", OCR_JOB_PAGE, "pageId"),
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
