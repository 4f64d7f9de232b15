"""Reads settings: a TOML file, then the environment over it; every mistake is reported at once.

The file has one table per section. ``GATEWAY_SECTION_FIELD`` overrides one field:

    [http]                      GATEWAY_HTTP_PORT=8080
    port = 8080                 GATEWAY_TICKETS_NUMBERS='{"pending": 1, "closed": 7}'

Each value is converted by msgspec against the field's annotation: strictly from the file, which
has types of its own, and from text where the environment gives it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import msgspec

from gateway.config.kinds import Secret
from gateway.config.sections import Settings

PREFIX = "GATEWAY_"

#: Settings that the environment gives as JSON, and what JSON calls them.
_JSON_SHAPES = {dict: "object", tuple: "array"}


class ConfigError(Exception):
    """The configuration cannot be used.

    Attributes:
        problems: one line per mistake, each naming the setting and what would be right.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class _Given:
    """One value somebody set, and where, so that a complaint can name the place."""

    section: str
    name: str
    value: Any  # whatever TOML or the environment holds; converted below
    place: str
    is_text: bool


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings of the file at ``path`` (none: defaults) under ``environment``.

    Raises:
        ConfigError: with every problem of both: unreadable file, unknown keys, wrong types,
            values out of range, contradictions.
    """
    return settings_from({} if path is None else _read(path), environment)


def settings_from(
    document: Mapping[str, Any],  # parsed TOML: untyped until converted here
    environment: Mapping[str, str],
) -> Settings:
    """Return the settings of a parsed ``document`` under ``environment``.

    Raises:
        ConfigError: as :func:`load`.
    """
    sections = {section.name: _hints(section.name) for section in fields(Settings)}
    problems: list[str] = []
    values: dict[str, dict[str, Any]] = {name: {} for name in sections}
    given_values = (
        *_from_document(document, sections, problems),
        *_from_environment(environment, sections),
    )
    for given in given_values:
        annotation = sections[given.section].get(given.name)
        if annotation is None:
            known = ", ".join(sections[given.section])
            problems.append(f"{given.place}: unknown setting; [{given.section}] has {known}")
            continue
        try:
            values[given.section][given.name] = _convert(given, annotation)
        except msgspec.ValidationError as error:
            problems.append(f"{given.place}: {error}")
    settings = _build(values)
    problems += settings.problems()
    if problems:
        raise ConfigError(tuple(problems))
    return settings


# Any: annotations are whatever the sections declare.
def _hints(section: str) -> dict[str, Any]:
    record = get_type_hints(Settings)[section]
    return get_type_hints(record, include_extras=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path}: not TOML: {error}",)) from error


def _from_document(
    document: Mapping[str, Any], sections: Mapping[str, object], problems: list[str]
) -> Iterator[_Given]:
    for section, table in document.items():
        if not isinstance(table, Mapping):
            problems.append(f"{section}: belongs in a section, such as [http]")
            continue
        if section not in sections:
            problems.append(f"[{section}]: unknown section; there are {', '.join(sections)}")
            continue
        for name, value in table.items():
            yield _Given(section, name, value, f"{section}.{name}", is_text=False)


def _from_environment(
    environment: Mapping[str, str], sections: Mapping[str, object]
) -> Iterator[_Given]:
    """Yield overrides; of foreign ``GATEWAY_`` variables only those naming a section count.

    An orchestrator puts variables of its own there (Kubernetes: GATEWAY_SERVICE_HOST for a
    service called "gateway"), while GATEWAY_HTTP_PROT is a typing mistake worth an error.
    """
    for variable, value in sorted(environment.items()):
        if not variable.startswith(PREFIX):
            continue
        rest = variable.removeprefix(PREFIX).lower()
        for section in sections:
            if rest.startswith(f"{section}_"):
                name = rest.removeprefix(f"{section}_")
                yield _Given(section, name, value, variable, is_text=True)


# Any: the result has the type of ``annotation``, which only msgspec knows here.
def _convert(given: _Given, annotation: Any) -> Any:
    value = given.value
    shape = _JSON_SHAPES.get(get_origin(annotation))
    if given.is_text and shape is not None:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise msgspec.ValidationError(f"Expected a JSON {shape}: {error}") from error
    return msgspec.convert(value, annotation, strict=not given.is_text, dec_hook=_from_text)


def _from_text(wanted: type, value: object) -> Secret | Path:
    if not isinstance(value, str) or not value:
        raise ValueError(f"Expected text, got {type(value).__name__ if value else 'nothing'}")
    return Secret(value) if wanted is Secret else Path(value)


def _build(values: Mapping[str, Mapping[str, Any]]) -> Settings:
    records = get_type_hints(Settings)
    return Settings(**{name: records[name](**given) for name, given in values.items()})
