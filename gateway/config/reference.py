"""The settings as a page, made of the settings: it cannot say what the program does not.

Every group's ``Attributes`` describe its fields; defaults are what the program uses.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec

from gateway.config.kinds import Secret
from gateway.config.sections import Settings

#: How a field begins in ``Attributes``: its name, or several that are alike.
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")

_HEAD = """\
# Configuration

`gateway --config FILE serve` reads a TOML file with a table for each section below; what is left
out has the default. `GATEWAY_SECTION_FIELD` in the environment goes before the file
(`GATEWAY_HTTP_PORT=8443`; lists and tables as JSON). Every mistake is told at once, before
anything is started. This page is `gateway config`'s output.
"""


def reference() -> str:
    """Return the page, Markdown."""
    settings = Settings()
    names = (section.name for section in dataclasses.fields(Settings))
    return "\n".join([_HEAD, *(_section(name, getattr(settings, name)) for name in names)])


def _section(name: str, group: object) -> str:
    kind = type(group)
    rows = [
        (field.name, _shown(getattr(group, field.name)), meaning)
        for field, meaning in _described(kind)
    ]
    parts = [f"## `[{name}]`\n", f"{_summary(kind)}\n", _table(rows)]
    for field, record in _records(kind):
        parts += [f"\n### `[[{name}.{field}]]`\n", f"{_summary(record)}\n", _record_table(record)]
    return "\n".join(parts)


def _described(kind: type) -> Iterator[tuple[dataclasses.Field[object], str]]:
    meanings = attributes(kind)
    for field in dataclasses.fields(kind):
        yield field, meanings[field.name]


def attributes(kind: type) -> Mapping[str, str]:
    """Return what the ``Attributes`` of a class say: name -> sentence.

    Raises:
        LookupError: the class describes nothing.
    """
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    if "Attributes:" not in lines:
        raise LookupError(f"{kind.__qualname__} does not describe its attributes")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines[lines.index("Attributes:") + 1 :]:
        if (entry := _ENTRY.match(line)) is not None:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif names:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: text.replace("``", "`").strip() for name, text in found.items()}


def _records(kind: type) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield the fields that hold several records of one kind, such as ``[[local.connector]]``."""
    for name, hint in get_type_hints(kind).items():
        for inner in get_args(hint):
            if inspect.isclass(inner) and issubclass(inner, msgspec.Struct):
                yield name, inner


def _record_table(record: type[msgspec.Struct]) -> str:
    meanings = attributes(record)
    return _table(
        [
            (
                field.name,
                "required" if field.required else _shown(field.default),
                meanings[field.name],
            )
            for field in msgspec.structs.fields(record)
        ]
    )


def _summary(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _table(rows: list[tuple[str, str, str]]) -> str:
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {_cell(meaning)} |" for name, default, meaning in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(value: object) -> str:
    """Return a default as TOML would have it."""
    match value:
        case None:
            return "not set"
        case Secret():
            return "secret"
        case Path():
            return f'`"{value}"`'
        case tuple() if not value:
            return "`[]`"
        case dict():
            pairs = ", ".join(f"{key} = {json.dumps(one)}" for key, one in value.items())
            return f"`{{{pairs}}}`"
        case _:
            return f"`{json.dumps(value)}`"
