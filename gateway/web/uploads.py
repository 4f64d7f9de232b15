"""Requests whose body may be larger than that of the others, by path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from quart_trio.wrappers import TrioRequest


def request_class(largest_below: Mapping[str, int]) -> type[TrioRequest]:
    """Return a request class for an application.

    Args:
        largest_below: pattern with which a path begins -> bytes its bodies may have; elsewhere
            the application's ``MAX_CONTENT_LENGTH`` holds.
    """
    patterns = [(re.compile(pattern), largest) for pattern, largest in largest_below.items()]

    class SizedRequest(TrioRequest):
        """A request that knows how large its body may be."""

        # Any: passed on as Quart calls it.
        def __init__(
            self, *args: Any, max_content_length: int | None = None, **kwargs: Any
        ) -> None:
            path = str(kwargs.get("path", args[2] if len(args) > 2 else ""))
            for pattern, largest in patterns:
                if pattern.match(path):
                    max_content_length = largest
            super().__init__(*args, max_content_length=max_content_length, **kwargs)

    return SizedRequest
