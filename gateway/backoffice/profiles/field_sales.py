"""The field-sales API (contracts/field_sales.yaml): eight families of habits, ids in hex.

    OFFSET      {success, data, total}; limit and offset, order, JSON filter; PUT asks for all
    PAGING      {success, data, paging}; page and per_page, sort=-name; PATCH
    PAGINATION  {success, data, pagination}; sortBy; a removal answers what was removed
    LINKS       bare documents, pages with links; sort and sortPageOrder, sortBy
    PAGED       the same without the links
    META        {data}, {data, meta}; nothing is required
    RESULT      {success, result, pagination}
    custom      one action with an answer of its own (``quick-convert-to-pdf``)

Parameters that a family does not know are ignored: its clients send more than it documents.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.backoffice.kinds import Identifier, Schema
from gateway.backoffice.profile import (
    BARE,
    Api,
    Header,
    Page,
    Paging,
    Profile,
    Removed,
    Sorting,
    Wrap,
)
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
    # What breaks a rule was well-formed: 422 tells it from a body that cannot be read.
    status = 422 if error.code == "backoffice.rule" else _STATUS.get(error.kind, 500)
    return status, {"success": False, "error": error.detail}


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
    errors=dict.fromkeys((400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503), _ERROR),
    identifier=Identifier(hexadecimal=True),
)

_NUMBER: Schema = {"type": "integer"}
_TEXT: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_DONE: Schema = {"type": "boolean"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(document: Schema) -> Schema:
    return {"type": "array", "items": document}


def _success(**named: Schema) -> Schema:
    return _object(success=_DONE, **named)


#: ``{success, data}``: around documents, and around what actions answer.
SUCCESS_DATA = Wrap(
    lambda document: {"success": True, "data": document}, lambda schema: _success(data=schema)
)
SUCCESS = Wrap(lambda _: {"success": True}, lambda _: _success())
_MESSAGE = Wrap(
    lambda _: {"success": True, "message": "Removed."}, lambda _: _success(message=_TEXT)
)
DATA = Wrap(lambda document: {"data": document}, lambda schema: _object(data=schema))
_RESULT = Wrap(
    lambda document: {"success": True, "result": document}, lambda schema: _success(result=schema)
)

_BY_PAGE = Paging(default=25, maximum=100, size_name="per_page")
_BY_OFFSET = Paging(default=50, maximum=100, size_name="limit", offset_name="offset")
_SORT = Sorting(field="sort", direction="sortPageOrder", descending="dsc", json_list="sortBy")


def _profile(
    page: Callable[[Page], object],
    page_schema: Callable[[Schema], Schema],
    document: Wrap = BARE,
    gone: Wrap = BARE,
    sorting: Sorting = _SORT,
    paging: Paging = _BY_PAGE,
    conditions: str = "",
    populate: str = "populatedKeys",
) -> Profile:
    return Profile(
        api=FIELD_SALES,
        page=page,
        page_schema=page_schema,
        paging=paging,
        sorting=sorting,
        counted=True,
        removed=Removed.DOCUMENT,
        omit_null=True,
        document=document,
        gone=gone,
        conditions=conditions,
        populate=populate,
        # The only family that asks for everything again is the one with conditions.
        whole=bool(conditions),
    )


OFFSET = _profile(
    lambda page: {"success": True, "data": page.rows, "total": page.total},
    lambda document: _success(data=_list(document), total=_NUMBER),
    SUCCESS_DATA,
    _MESSAGE,
    Sorting(field="sort", direction="order", downwards=True),
    _BY_OFFSET,
    conditions="filter",
    populate="",
)

PAGING = _profile(
    lambda page: {"success": True, "data": page.rows, "paging": _paging(page)},
    lambda document: _success(data=_list(document), paging=_paging_schema()),
    SUCCESS_DATA,
    SUCCESS,
    Sorting(field="sort", direction=""),
    populate="",
)


def _paging(page: Page) -> dict[str, object]:
    return {
        "total": page.total,
        "page": page.number,
        "per_page": page.size,
        "pages": page.last,
    }


def _paging_schema() -> Schema:
    return _object(total=_NUMBER, page=_NUMBER, per_page=_NUMBER, pages=_NUMBER)


PAGINATION = _profile(
    lambda page: {"success": True, "data": page.rows, "pagination": _pagination(page)},
    lambda document: _success(
        data=_list(document),
        pagination={"type": "object", "additionalProperties": _NUMBER},
    ),
    SUCCESS_DATA,
    SUCCESS_DATA,
    populate="",
)


def _pagination(page: Page) -> dict[str, object]:
    neighbours = {"pre_page": page.number - 1} if page.number > 1 else {}
    neighbours |= {"next_page": page.number + 1} if page.more else {}
    return {
        "page": page.number,
        "per_page": page.size,
        **neighbours,
        "total": page.total,
        "total_page": page.last,
    }


def _counts(page: Page) -> dict[str, object]:
    return {
        "data": page.rows,
        "total_result": page.total,
        "current_count": len(page.rows),
        "total_pages": page.last,
        "current_page": page.number,
        "per_page": page.size,
    }


def _counts_schema(document: Schema) -> Schema:
    counts = ("total_result", "current_count", "total_pages", "current_page", "per_page")
    return _object(data=_list(document), **dict.fromkeys(counts, _NUMBER))


def page_with_links(page: Page) -> dict[str, object]:
    """Return a page with its counts and the addresses of its neighbours."""
    return _counts(page) | {
        "first_page_url": page.url(1),
        "last_page_url": page.url(page.last),
        "next_page_url": page.url(page.number + 1) if page.more else None,
        "prev_page_url": page.url(page.number - 1) if page.number > 1 else None,
        "path": page.address,
    }


def links_schema(document: Schema) -> Schema:
    """Return the schema of :func:`page_with_links`."""
    schema = _counts_schema(document)
    urls = {"first_page_url": _TEXT, "last_page_url": _TEXT, "path": _TEXT}
    urls |= {"next_page_url": _MAYBE, "prev_page_url": _MAYBE}
    return _object(**schema["properties"], **urls)


LINKS = _profile(page_with_links, links_schema)

PAGED = _profile(_counts, _counts_schema)

META = _profile(
    lambda page: {"data": page.rows, "meta": _paging(page)},
    lambda document: _object(data=_list(document), meta=_paging_schema()),
    DATA,
    SUCCESS,
)

RESULT = _profile(
    lambda page: {"success": True, "result": page.rows, "pagination": _result_paging(page)},
    lambda document: _success(
        result=_list(document),
        pagination=_object(total=_NUMBER, page=_NUMBER, per_page=_NUMBER, total_pages=_NUMBER),
    ),
    _RESULT,
    _RESULT,
)


def _result_paging(page: Page) -> dict[str, object]:
    return {
        "total": page.total,
        "page": page.number,
        "per_page": page.size,
        "total_pages": page.last,
    }
