"""Field sales: patches."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import NAME, NOTES, Cell, ids, own, words
from gateway.backoffice.catalogue.field_sales.sheet import nouns, sheet
from gateway.backoffice.kinds import Document, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import OFFSET
from gateway.backoffice.records import Anything

PATCH_ACTION = sheet(
    "/patch-action",
    OFFSET,
    "PatchAction",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "targetEntity": Cell(NAME, must=True),
        "conditions": Document(),
        "patches": Cell(
            Many(
                Part(
                    {
                        "field": NAME,
                        "operation": words("set", "unset", "add", "remove", "multiply", "divide"),
                        "value": Anything(),
                    }
                )
            ),
            must=True,
        ),
        "batchSize": Cell(Whole(1, 1000), default=100),
        "status": Cell(
            words("draft", "ready", "running", "completed", "failed", "cancelled"), default="draft"
        ),
        "executionHistory": own(
            Many(
                Part(
                    {
                        "executionId": NAME,
                        "startTime": Moment(),
                        "endTime": Moment(),
                        "status": words("running", "completed", "failed", "cancelled"),
                        "processedCount": Whole(),
                        "errorCount": Whole(),
                        "errors": Many(NAME),
                    }
                )
            )
        ),
        "metadata": Document(),
    },
    name="patch_action",
)

META_UPDATE = sheet(
    "/update-integration-meta",
    OFFSET,
    "UpdateIntegrationMeta",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "targetIntegrations": ids("integration_app"),
        "metaUpdates": Cell(Document(), must=True),
        "conditions": Document(),
        "status": Cell(words("draft", "ready", "applied", "failed", "cancelled"), default="draft"),
        "appliedAt": own(Moment()),
        "appliedBy": own(NAME),
        "affectedCount": own(Whole(0)),
        "rollbackData": own(Document()),
        "metadata": Document(),
    },
    name="meta_update",
)

RESOURCES = (
    PATCH_ACTION,
    META_UPDATE,
)
NOUNS = nouns(*RESOURCES)
