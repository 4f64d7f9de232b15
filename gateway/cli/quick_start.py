"""Imported before all else by the commands: what would make each of them start a second later.

python-can imports asammdf wherever that is installed: over a second of processor time and 55 MiB,
for its own reader and writer of MF4 files, which nobody here uses (exports call asammdf
themselves). So while a command first imports python-can, asammdf is not to be found.
"""

from __future__ import annotations

import sys

if "can" not in sys.modules and "asammdf" not in sys.modules:
    sys.modules["asammdf"] = None  # type: ignore[assignment]  # importlib's word for "not there"
    import can  # noqa: F401

    del sys.modules["asammdf"]
