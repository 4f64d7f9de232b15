"""``python -m benchmarks.lines``: lines of code per served operation of the back office.

A line counts when it holds code: no blank, no comment, no docstring. The engine and the rules that
several APIs share are divided among all operations; what belongs to one API counts for it alone.
Apart from that: what only declares (``catalogue/``), without the rules and the engine.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.backoffice import __file__ as package
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document

ROOM = Path(package).parent

_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True, slots=True)
class Share:
    """What one API takes.

    Attributes:
        api: its name.
        operations: that its document names.
        own: lines of its own.
        each: lines per operation, its part of what is shared included.
        declared: lines of declarations alone per operation.
    """

    api: str
    operations: int
    own: int
    each: float
    declared: float


def code_lines(source: str) -> int:
    """Return how many lines of a module hold code."""
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                told |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _SILENT:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - told)


def shares(lines: Mapping[str, int], operations: Mapping[str, int]) -> tuple[Share, ...]:
    """Return what each API takes.

    Args:
        lines: path below the room -> lines of code.
        operations: API -> how many it has.
    """
    own = {api: sum(n for path, n in lines.items() if _owner(path, api)) for api in operations}
    said = {
        api: sum(n for path, n in lines.items() if _owner(path, api) and _declares(path))
        for api in operations
    }
    shared = sum(lines.values()) - sum(own.values())
    part = shared / sum(operations.values())
    return tuple(
        Share(api, count, own[api], round(own[api] / count + part, 1), round(said[api] / count, 1))
        for api, count in operations.items()
    )


def _declares(path: str) -> bool:
    return Path(path).parts[0] == "catalogue"


def _owner(path: str, api: str) -> bool:
    """Tell whether a module is of one API alone: its name or its folder says so."""
    return any(part.removesuffix(".py").startswith(api) for part in Path(path).parts)


def measure() -> tuple[Share, ...]:
    """Return what each API takes now."""
    lines = {
        str(path.relative_to(ROOM)): code_lines(path.read_text(encoding="utf-8"))
        for path in ROOM.rglob("*.py")
    }
    operations = {
        api.name: sum(
            len(methods) for methods in document(api, DECLARATIONS, "")["paths"].values()
        )
        for api in DECLARATIONS.apis
    }
    return shares(lines, operations)


def main() -> int:
    """Print the table."""
    found = measure()
    for share in found:
        print(f"{share.api:12} {share.operations:4} operations {share.own:6} lines of its own"
              f" {share.each:6.1f} per operation, engine included, {share.declared:5.1f} declared",
        )  # fmt: skip
    every = sum(share.each * share.operations for share in found)
    count = sum(share.operations for share in found)
    print(f"{'all':12} {count:4} operations {round(every):6} lines {every / count:6.1f} each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
