"""A few words to write answers down with, as JSON Schema (2020-12).

Answers are records: each member is always there, ``null`` where it says so. What is there only
sometimes is named as such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

# Any: JSON Schema is JSON by nature.
Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
REAL: Schema = {"type": "number"}
YES_NO: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
UUID_TEXT: Schema = {"type": "string", "format": "uuid"}
#: 32 hexadecimal digits, as sessions and jobs are named.
ID32: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
#: Bytes, two upper-case digits each.
HEX: Schema = {"type": "string", "pattern": "^([0-9A-F]{2})*$"}
#: Members that depend on what is described.
FREE: Schema = {"type": "object"}


def record(sometimes: Collection[str] = (), /, **members: Schema) -> Schema:
    """Return an object with these members, all of them always but those named first."""
    required = [name for name in members if name not in sometimes]
    return {"type": "object", "required": required, "properties": members}


def nullable(schema: Schema) -> Schema:
    """Return a schema that takes ``null`` as well."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """Return a list of these."""
    return {"type": "array", "items": schema}


def named(name: str) -> Schema:
    """Return the schema of this name, in the same document."""
    return {"$ref": f"#/components/schemas/{name}"}


def word(words: Iterable[str]) -> Schema:
    """Return text that is one of these."""
    return {"type": "string", "enum": list(words)}
