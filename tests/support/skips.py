"""Which tests may be left out, and where.

Whoever has no PostgreSQL, no Valkey or no tshark can still run the rest. CI has all of it and sets
``REQUIRE_SERVERS``: a test that is skipped there all the same has lost what it needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Set by ``.ci/run``.
VARIABLE = "REQUIRE_SERVERS"

#: What no package brings.
EXCUSED = re.compile(r"no multicast|Linux|other C libraries")


def must_run(reason: str, environment: Mapping[str, str]) -> bool:
    """Tell whether a test that was skipped for ``reason`` should have run."""
    return bool(environment.get(VARIABLE)) and EXCUSED.search(reason) is None
