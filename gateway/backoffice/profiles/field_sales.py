"""The field-sales API (contracts/field_sales.yaml): eight families of envelopes, ids in hex.

The families are those of the contract's ``x-envelope``; what stands here is served.
"""

from __future__ import annotations

from gateway.backoffice.kinds import Identifier, Schema
from gateway.backoffice.profile import Api, Header, Page, Paging, Profile, Removed, Sorting
from gateway.domain.errors import GatewayError
from gateway.web.auth import token_in
from gateway.web.problems import STATUS

_ERROR: Schema = {
    "type": "object",
    "properties": {"success": {"type": "boolean"}, "error": {"type": "string"}},
    "required": ["success", "error"],
}

#: Malformed input is 400 here; what breaks a rule of the shop is 409 as everywhere.
_STATUS = {**STATUS, "method": 405}


def _refusal(error: GatewayError) -> tuple[int, dict[str, object]]:
    return _STATUS.get(error.kind, 500), {"success": False, "error": error.detail}


def _key(header: Header) -> str:
    """Return the API key: ``Authorization: Bearer KEY``, or the SDK's ``api-key: KEY``."""
    key = header("api-key")
    return token_in(f"Bearer {key}" if key else header("Authorization"))


FIELD_SALES = Api(
    name="field_sales",
    title="Field sales back office",
    mount="/backoffice/field-sales",
    prefixes=("",),
    credentials=_key,
    security={
        "ApiKeyAuth": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Bearer KEY`",
        },
        "ApiKeyHeader": {"type": "apiKey", "in": "header", "name": "api-key"},
    },
    refusal=_refusal,
    errors=dict.fromkeys((400, 401, 403, 404, 405, 409, 413, 429, 500, 503), _ERROR),
    identifier=Identifier(hexadecimal=True),
)


def _links(page: Page) -> object:
    return {
        "data": page.rows,
        "total_result": page.total,
        "current_count": len(page.rows),
        "total_pages": page.last,
        "current_page": page.number,
        "per_page": page.size,
        "first_page_url": page.url(1),
        "last_page_url": page.url(page.last),
        "next_page_url": page.url(page.number + 1) if page.more else None,
        "prev_page_url": page.url(page.number - 1) if page.number > 1 else None,
        "path": page.address,
    }


def _links_schema(document: Schema) -> Schema:
    counts = ("total_result", "current_count", "total_pages", "current_page", "per_page")
    properties: Schema = {"data": {"type": "array", "items": document}}
    properties |= {name: {"type": "number"} for name in counts}
    properties |= {name: {"type": "string"} for name in ("first_page_url", "last_page_url")}
    properties |= {
        name: {"type": ["string", "null"]} for name in ("next_page_url", "prev_page_url")
    }
    properties["path"] = {"type": "string"}
    return {"type": "object", "properties": properties, "required": list(properties)}


#: ``paged-links``: bare documents, pages with links, removals answer what was removed.
LINKS = Profile(
    api=FIELD_SALES,
    page=_links,
    page_schema=_links_schema,
    paging=Paging(default=25, maximum=100, size_name="per_page"),
    sorting=Sorting(field="sort", direction="sortPageOrder", descending="dsc", json_list="sortBy"),
    counted=True,
    removed=Removed.DOCUMENT,
    omit_null=True,
)
