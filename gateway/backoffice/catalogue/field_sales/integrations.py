"""Field sales: integrations."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    NAME,
    NOTES,
    SUM,
    URL,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref, Schema, Text, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many
from gateway.backoffice.profiles.field_sales import OFFSET, PAGED
from gateway.backoffice.resource import Computed
from gateway.backoffice.rules.field_sales import integrations

_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object", "additionalProperties": _TEXT}

INTEGRATION_APP = sheet(
    "/integration-app",
    PAGED,
    "IntegrationAppSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "description": NOTES,
        "category": own(NAME, find=True),
        "version": own(NAME),
        "status": later(words("active", "inactive", "pending"), find=True),
        "available_app": first(NAME, must=True),
        "config": Document(),
        "credentials": Cell(Document(), hidden=True),
        "endpoints": Document(),
        "webhooks": Document(),
        "sync_settings": Document(),
        "last_sync": own(Moment()),
        "error_count": own(SUM),
        "success_count": own(SUM),
    },
    name="integration_app",
    rules=Rules(integrations.create_app, integrations.change_app),
    members=(
        Computed("credentials", _OBJECT, integrations.masked),
        Computed("company_namespace", _TEXT, lambda row: str(row.values["tenant_id"])),
    ),
    operations=KEPT,
    meta=True,
)

INTEGRATION_ACTION_LOG = sheet(
    "/integration-action-log",
    OFFSET,
    "IntegrationActionLog",
    {
        "integrationId": Cell(Ref("integration_app"), must=True),
        "actionType": Cell(words("create", "update", "delete", "sync", "webhook"), must=True),
        "entityType": Cell(NAME, must=True),
        "entityId": NAME,
        "status": Cell(words("pending", "success", "failed", "retrying"), must=True),
        "payload": Document(),
        "response": Document(),
        "errorMessage": NOTES,
        "retryCount": Cell(Whole(0), default=0),
        "executionTime": SUM,
        "metadata": Document(),
    },
    name="integration_action_log",
)

INTEGRATION_COMMAND_LOG = sheet(
    "/integration-command-log",
    OFFSET,
    "IntegrationCommandLog",
    {
        "integrationId": Cell(Ref("integration_app"), must=True),
        "commandType": Cell(words("sync", "import", "export", "validate", "transform"), must=True),
        "command": Cell(NAME, must=True),
        "parameters": Document(),
        "status": Cell(words("pending", "running", "completed", "failed", "cancelled"), must=True),
        "startTime": Moment(),
        "endTime": Moment(),
        "duration": SUM,
        "output": Document(),
        "errorLog": NOTES,
        "processedRecords": Whole(0),
        "failedRecords": Whole(0),
        "metadata": Document(),
    },
    name="integration_command_log",
    rules=Rules(integrations.create_command, integrations.change_command),
)

WEBHOOK_ENDPOINT = sheet(
    "/svix-integration",
    OFFSET,
    "SvixIntegration",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "applicationId": Cell(NAME, must=True),
        "endpointUrl": Cell(URL, must=True),
        "eventTypes": Many(NAME),
        # Written and never shown: receivers know it.
        "secret": Cell(Text(512), hidden=True),
        "isActive": Cell(Flag(), default=True),
        "metadata": Document(),
    },
    name="webhook_endpoint",
    rules=Rules(integrations.create_endpoint, integrations.change_endpoint),
)

RESOURCES = (
    INTEGRATION_APP,
    INTEGRATION_ACTION_LOG,
    INTEGRATION_COMMAND_LOG,
    WEBHOOK_ENDPOINT,
)
NOUNS = nouns(*RESOURCES)
