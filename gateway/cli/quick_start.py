"""Imported before all else by the commands: what would make each of them start a second later.

Some libraries import others wherever those are installed, for uses that nobody here makes of them:

    python-can   asammdf: over a second of processor time and 55 MiB, for its own reader and writer
                 of MF4 files (exports call asammdf themselves)
    structlog    rich, and with it pygments: 50 ms and 5 MiB, for tracebacks in colour (logs have
                 plain ones)

So while a command first imports the former, the latter are not to be found.
"""

from __future__ import annotations

import sys
from importlib import import_module

#: Library -> what it is kept from finding.
UNUSED = {"can": "asammdf", "structlog": "rich"}

for library, unused in UNUSED.items():
    if library not in sys.modules and unused not in sys.modules:
        sys.modules[unused] = None  # type: ignore[assignment]  # importlib's word for "not there"
        import_module(library)
        del sys.modules[unused]
