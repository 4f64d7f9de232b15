"""Read the questions that have to be answered before products can be ordered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from gateway.storage.tables.catalogue import (
    prerequisite,
    prerequisite_option,
    product_prerequisite,
)


class AnswerType(StrEnum):
    """What an answer may look like."""

    BOOLEAN = "boolean"
    OPTION = "option"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class AnswerOption:
    """One of the answers to choose from."""

    id: int
    value: str


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A question, asked once per order whatever number of products asks it."""

    id: int
    name: str
    description: str
    question: str
    type: AnswerType
    required: bool
    options: tuple[AnswerOption, ...]


def prerequisites_of(
    connection: Connection, product_ids: Collection[int]
) -> tuple[Prerequisite, ...]:
    """Return the questions of ``product_ids``, each once, in the order of the catalogue."""
    asked = select(product_prerequisite.c.prerequisite_id).where(
        product_prerequisite.c.product_id.in_(product_ids)
    )
    rows = connection.execute(
        select(prerequisite).where(prerequisite.c.id.in_(asked)).order_by(prerequisite.c.id)
    ).all()
    options: dict[int, list[AnswerOption]] = {}
    for row in connection.execute(
        select(prerequisite_option)
        .where(prerequisite_option.c.prerequisite_id.in_(asked))
        .order_by(prerequisite_option.c.id)
    ):
        options.setdefault(row.prerequisite_id, []).append(AnswerOption(row.id, row.value))
    return tuple(
        Prerequisite(
            id=row.id,
            name=row.name,
            description=row.description,
            question=row.question,
            type=AnswerType(row.type),
            required=row.required,
            options=tuple(options.get(row.id, ())),
        )
        for row in rows
    )
