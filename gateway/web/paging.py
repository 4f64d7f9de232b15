"""Offset and limit, by the profile of the API that pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.web import parameters


@dataclass(frozen=True, slots=True)
class PageProfile:
    """What one API allows.

    Attributes:
        default: items per page when the request names none.
        most: items a request may ask for; 0 items is a way to ask for the total alone.
    """

    default: int
    most: int


#: As published for the two APIs; settings may narrow them.
CUSTOMER = PageProfile(default=25, most=200)
PARTNER = PageProfile(default=25, most=1_000)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted.

    Attributes:
        offset: items to skip.
        limit: items wanted.
    """

    offset: int
    limit: int


def page_from(arguments: Mapping[str, str], profile: PageProfile) -> Page:
    """Read ``offset`` and ``limit`` from the query.

    Raises:
        Invalid: one of them is no number or out of range; ``field`` names it.
    """
    offset = parameters.integer(arguments, "offset")
    limit = parameters.integer(arguments, "limit", most=profile.most)
    return Page(offset or 0, profile.default if limit is None else limit)
