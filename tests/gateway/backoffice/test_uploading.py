"""Bodies are as large as the files that are taken where they go."""

from __future__ import annotations

import re

import pytest

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.uploading import MOST_AT_ONCE, largest_bodies


@pytest.mark.parametrize(
    ("path", "large"),
    [
        ("/backoffice/planner/client/7/item/8/attachments", True),
        ("/backoffice/planner/client/7/item", True),
        ("/backoffice/planner/client/7/item/8", True),
        ("/backoffice/planner/client/7/item/8/comments", False),
        ("/backoffice/planner/client/7", False),
        ("/backoffice/repair/customers", False),
    ],
)
def test_only_where_files_are_taken(path: str, large: bool) -> None:
    sizes = [
        size for pattern, size in largest_bodies(DECLARATIONS).items() if re.match(pattern, path)
    ]
    assert bool(sizes) is large
    assert all(MOST_AT_ONCE < size < MOST_AT_ONCE + 100_000 for size in sizes)
