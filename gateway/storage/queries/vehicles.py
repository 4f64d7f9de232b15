"""Read the vehicle tree: makes, model groups, models, variants, and how VINs lead into it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.catalogue import (
    make,
    make_wmi,
    model,
    model_group,
    variant,
    vin_pattern,
)


@dataclass(frozen=True, slots=True)
class Make:
    """A brand."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """All generations of one model of a make."""

    id: int
    name: str
    make: Make


@dataclass(frozen=True, slots=True)
class Model:
    """One generation, built between two days (both included, ``None`` is open)."""

    id: int
    name: str
    group: ModelGroup
    manufactured_from: date | None
    manufactured_to: date | None
    requires_doip: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One engine and equipment line of a model: what an order is for."""

    id: int
    name: str
    model: Model
    manufactured_from: date | None
    manufactured_to: date | None
    requires_doip: bool

    @property
    def names(self) -> tuple[str, str, str, str]:
        """Make, model group, model and variant, as people say it."""
        group = self.model.group
        return (group.make.name, group.name, self.model.name, self.name)

    @property
    def path(self) -> str:
        """The four names joined by ``#``, as portals show a connector's vehicle."""
        return "#".join(self.names)


@dataclass(frozen=True, slots=True)
class WmiRule:
    """Which make a VIN beginning belongs to, and where that maker writes the model year."""

    prefix: str
    make: Make
    year_position: int | None


@dataclass(frozen=True, slots=True)
class PatternRule:
    """How VINs of a model begin; ``?`` stands for any character."""

    pattern: str
    model_id: int
    variant_id: int | None
    year_from: int | None
    year_to: int | None


_GROUP_COLUMNS = (
    make.c.id.label("make_id"),
    make.c.name.label("make_name"),
    model_group.c.id.label("group_id"),
    model_group.c.name.label("group_name"),
)
_MODEL_COLUMNS = (
    *_GROUP_COLUMNS,
    model.c.id.label("model_id"),
    model.c.name.label("model_name"),
    model.c.manufactured_from.label("model_from"),
    model.c.manufactured_to.label("model_to"),
    model.c.requires_doip.label("model_doip"),
)


def makes(connection: Connection, *, offset: int, limit: int) -> Page[Make]:
    """Return makes by name."""
    query = select(make).order_by(make.c.name, make.c.id)
    return fetch_page(connection, query, _make, offset=offset, limit=limit)


def find_make(connection: Connection, make_id: int) -> Make | None:
    """Return one make."""
    row = connection.execute(select(make).where(make.c.id == make_id)).one_or_none()
    return None if row is None else _make(row)


def model_groups(
    connection: Connection, make_id: int, *, offset: int, limit: int
) -> Page[ModelGroup]:
    """Return the model groups of a make, by name."""
    query = _groups().where(make.c.id == make_id).order_by(model_group.c.name, model_group.c.id)
    return fetch_page(connection, query, _group, offset=offset, limit=limit)


def find_model_group(connection: Connection, group_id: int) -> ModelGroup | None:
    """Return one model group."""
    row = connection.execute(_groups().where(model_group.c.id == group_id)).one_or_none()
    return None if row is None else _group(row)


def models(connection: Connection, group_id: int, *, offset: int, limit: int) -> Page[Model]:
    """Return the models of a group, newest first."""
    query = _models().where(model_group.c.id == group_id)
    query = query.order_by(model.c.manufactured_from.desc(), model.c.name, model.c.id)
    return fetch_page(connection, query, _model, offset=offset, limit=limit)


def find_model(connection: Connection, model_id: int) -> Model | None:
    """Return one model."""
    row = connection.execute(_models().where(model.c.id == model_id)).one_or_none()
    return None if row is None else _model(row)


def variants(connection: Connection, model_id: int, *, offset: int, limit: int) -> Page[Variant]:
    """Return the variants of a model, by name."""
    query = _variants().where(model.c.id == model_id).order_by(variant.c.name, variant.c.id)
    return fetch_page(connection, query, _variant, offset=offset, limit=limit)


def find_variant(connection: Connection, variant_id: int) -> Variant | None:
    """Return one variant with the branch of the tree it hangs on."""
    row = connection.execute(_variants().where(variant.c.id == variant_id)).one_or_none()
    return None if row is None else _variant(row)


def wmi_rules(connection: Connection, wmi: str) -> tuple[WmiRule, ...]:
    """Return the rules whose prefix begins with the three characters ``wmi``."""
    rows = connection.execute(
        select(make_wmi.c.prefix, make_wmi.c.year_position, make.c.id, make.c.name)
        .join(make, make.c.id == make_wmi.c.make_id)
        .where(make_wmi.c.prefix.startswith(wmi, autoescape=True))
    )
    return tuple(WmiRule(row.prefix, Make(row.id, row.name), row.year_position) for row in rows)


def pattern_rules(connection: Connection, wmi: str) -> tuple[PatternRule, ...]:
    """Return the VIN patterns that begin with the three characters ``wmi``."""
    rows = connection.execute(select(vin_pattern).where(vin_pattern.c.wmi == wmi))
    return tuple(
        PatternRule(row.pattern, row.model_id, row.variant_id, row.year_from, row.year_to)
        for row in rows
    )


# Any, here and below: a row's type is that of the labelled columns above it.
def _groups() -> Select[Any]:
    return select(*_GROUP_COLUMNS).join_from(model_group, make, make.c.id == model_group.c.make_id)


def _models() -> Select[Any]:
    return (
        select(*_MODEL_COLUMNS)
        .join_from(model, model_group, model_group.c.id == model.c.model_group_id)
        .join(make, make.c.id == model_group.c.make_id)
    )


def _variants() -> Select[Any]:
    return (
        select(
            *_MODEL_COLUMNS,
            variant.c.id,
            variant.c.name,
            variant.c.manufactured_from,
            variant.c.manufactured_to,
            variant.c.requires_doip,
        )
        .join_from(variant, model, model.c.id == variant.c.model_id)
        .join(model_group, model_group.c.id == model.c.model_group_id)
        .join(make, make.c.id == model_group.c.make_id)
    )


def _make(row: Row[Any]) -> Make:
    return Make(row.id, row.name)


def _group(row: Row[Any]) -> ModelGroup:
    return ModelGroup(row.group_id, row.group_name, Make(row.make_id, row.make_name))


def _model(row: Row[Any]) -> Model:
    return Model(
        row.model_id, row.model_name, _group(row), row.model_from, row.model_to, row.model_doip
    )


def _variant(row: Row[Any]) -> Variant:
    return Variant(
        row.id,
        row.name,
        _model(row),
        row.manufactured_from,
        row.manufactured_to,
        row.requires_doip,
    )
