"""``python -m benchmarks``: run suites, print their tables, keep their numbers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import trio

from benchmarks.harness import show
from benchmarks.suites import SUITES


def main() -> int:
    """Run the suites named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row, about")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args()
    unknown = [name for name in given.suites if name not in SUITES]
    if unknown:
        parser.error(f"no suite {unknown[0]!r}; there are {', '.join(SUITES)}")
    reports = []
    for name in given.suites or SUITES:
        report = trio.run(SUITES[name], given.seconds)
        show(report)
        reports.append(report.to_json())
    if given.json is not None:
        given.json.write_text(json.dumps(reports, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
