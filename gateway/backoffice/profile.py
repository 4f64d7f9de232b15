"""How an API speaks: envelopes, pages, sorting, refusals. One record per habit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode

from gateway.backoffice.kinds import Kind, Schema
from gateway.domain.errors import GatewayError

#: No list goes further: an offset has to fit the engine's integers, and nobody reads page 10^7.
MAX_PAGE = 1_000_000

#: A request header by name, whatever its case; ``None`` when it is not there.
Header = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, on its way into an envelope.

    Attributes:
        rows: rendered documents.
        number: from 1.
        size: rows per page.
        more: another page follows.
        total: rows in all; ``None`` where the profile does not count.
        address: the list's URL without its query.
        query: the query as asked, without the page number: links keep the filters.
        page_name: how the page number is spelled in the query.
    """

    rows: list[dict[str, object]]
    number: int
    size: int
    more: bool
    total: int | None
    address: str
    query: tuple[tuple[str, str], ...] = ()
    page_name: str = "page"

    @property
    def last(self) -> int:
        """Number of the last page, at least 1."""
        return max(1, -(-(self.total or 0) // self.size))

    def url(self, number: int) -> str:
        """Return the address of another page of the same list."""
        return f"{self.address}?{urlencode([*self.query, (self.page_name, str(number))])}"


@dataclass(frozen=True, slots=True)
class Paging:
    """How a page is asked for.

    Attributes:
        default: rows per page when nothing is asked.
        maximum: rows per page at most.
        size_name: query parameter for it; empty: the size is fixed.
        capped: more than the maximum gives the maximum, instead of a refusal.
        offset_name: query parameter for the rows to skip, where pages have no numbers.
    """

    default: int
    maximum: int
    size_name: str = ""
    capped: bool = False
    offset_name: str = ""


@dataclass(frozen=True, slots=True)
class Sorting:
    """How an order is asked for: a field's name, a direction, or a JSON list of both.

    Attributes:
        direction: query parameter; empty where a ``-`` before the name says descending.
        downwards: descending when a field is named without a direction.
    """

    field: str
    direction: str
    ascending: str = "asc"
    descending: str = "desc"
    json_list: str = ""
    downwards: bool = False


class Removed(Enum):
    """What a removal answers."""

    EMPTY = 204
    DOCUMENT = 200


@dataclass(frozen=True, slots=True)
class Api:
    """One of the three doors.

    Attributes:
        name: as in token rows and file names: ``repair``, ``planner``, ``field_sales``.
        title: for the document.
        mount: where it hangs; the contract's paths follow.
        prefixes: the same routes once more behind each of these; the first is the documented one.
        credentials: finds the token in the request's headers; raises ``Unauthorized``.
        security: OpenAPI security schemes by name.
        refusal: error -> (status, body).
        errors: status -> JSON Schema of the body, for the document.
        identifier: how ids are spelled in paths.
    """

    name: str
    title: str
    mount: str
    prefixes: tuple[str, ...]
    credentials: Callable[[Header], str]
    security: Mapping[str, Schema]
    refusal: Callable[[GatewayError], tuple[int, dict[str, object]]]
    errors: Mapping[int, Schema]
    identifier: Kind


def _bare(document: object) -> object:
    return document


def _bare_schema(document: Schema) -> Schema:
    return document


@dataclass(frozen=True, slots=True)
class Wrap:
    """What stands around a document in an answer: around values, and around their schema."""

    value: Callable[[object], object] = _bare
    schema: Callable[[Schema], Schema] = _bare_schema


#: Nothing stands around it.
BARE = Wrap()


@dataclass(frozen=True, slots=True)
class Profile:
    """What resources of one API have in common.

    Attributes:
        api: whose it is.
        paging: ``None`` gives the whole list, for rows that belong to one parent.
        sorting: ``None`` keeps the resource's own order.
        page: page -> body.
        page_schema: schema of a document -> schema of the body.
        counted: the envelope needs the total, which costs a second query.
        created: status of a creation.
        removed: what a removal answers.
        omit_null: members without a value are left out instead of ``null``.
        document: around one document.
        gone: around the document that was removed.
        conditions: query parameter that takes a JSON object of conditions (``conditions``).
        populate: query parameter that names references to be shown as documents.
        whole: PUT asks again for all that a creation must give; PATCH never does.
    """

    api: Api
    page: Callable[[Page], object]
    page_schema: Callable[[Schema], Schema]
    paging: Paging | None = None
    sorting: Sorting | None = None
    counted: bool = False
    created: int = 201
    removed: Removed = Removed.EMPTY
    omit_null: bool = False
    document: Wrap = BARE
    gone: Wrap = BARE
    conditions: str = ""
    populate: str = ""
    whole: bool = False
