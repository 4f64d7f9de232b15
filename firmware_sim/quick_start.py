"""Imported before all else by the command: what would make it start a second later.

python-can imports asammdf wherever that is installed (the gateway's exports need it): over a
second of processor time and 55 MiB, for MF4 files that no firmware reads or writes. So while the
command first imports python-can, asammdf is not to be found.
"""

from __future__ import annotations

import sys

if "can" not in sys.modules and "asammdf" not in sys.modules:
    sys.modules["asammdf"] = None  # type: ignore[assignment]  # importlib's word for "not there"
    import can  # noqa: F401

    del sys.modules["asammdf"]
