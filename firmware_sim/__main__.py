"""Entry point of ``python -m firmware_sim`` and of the ``firmware-sim`` command."""

from __future__ import annotations

import sys

from firmware_sim import quick_start  # noqa: F401  isort: skip - before python-can
from firmware_sim.cli import main

if __name__ == "__main__":
    sys.exit(main())
