"""What the repair and the planner API share: the shape of their refusals.

``{message}`` alone for most; with ``errors: {field: [sentence]}`` for input that breaks rules
(contracts: Message, ValidationError).
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.backoffice.kinds import Schema
from gateway.backoffice.profile import Header
from gateway.backoffice.refusal import Unprocessable
from gateway.domain.errors import GatewayError
from gateway.web.auth import token_in
from gateway.web.problems import STATUS

MESSAGE: Schema = {
    "type": "object",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
}

VALIDATION: Schema = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["message"],
}

ERRORS: Mapping[int, Schema] = {
    401: MESSAGE,
    403: MESSAGE,
    404: MESSAGE,
    405: MESSAGE,
    409: MESSAGE,
    413: MESSAGE,
    422: VALIDATION,
    429: MESSAGE,
    500: MESSAGE,
    502: MESSAGE,
    503: MESSAGE,
}

#: Where these APIs differ from the gateway's own table.
_STATUS = {**STATUS, "invalid": 422, "method": 405, "upstream": 502}


def refusal(error: GatewayError) -> tuple[int, dict[str, object]]:
    """Return status and body of a refusal."""
    status = _STATUS.get(error.kind, 500)
    if status == 401:
        return status, {"message": "Unauthenticated."}
    body: dict[str, object] = {"message": error.detail}
    if isinstance(error, Unprocessable):
        body["errors"] = error.errors
    return status, body


def bearer(header: Header) -> str:
    """Return the token of ``Authorization: Bearer``; raises ``Unauthorized`` without one."""
    return token_in(header("Authorization"))
