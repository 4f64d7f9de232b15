"""What of a catalogue is on record, by the names that sheets use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.storage.tables import catalogue as tables


@dataclass(frozen=True, slots=True)
class Names:
    """Natural keys of what other sheets may refer to -> ids.

    Attributes:
        makes: by name.
        groups: of models, by make and name.
        models: by make and name.
        variants: by make, model and name.
        product_groups: by name.
        products: those that are offered, by item number.
    """

    makes: Mapping[str, int]
    groups: Mapping[tuple[str, str], int]
    models: Mapping[tuple[str, str], int]
    variants: Mapping[tuple[str, str, str], int]
    product_groups: Mapping[str, int]
    products: Mapping[str, int]


def on_record(connection: Connection) -> Names:
    """Return what the database has."""
    make, group = tables.make.c, tables.model_group.c
    model, variant = tables.model.c, tables.variant.c
    product, kind = tables.product.c, tables.product_group.c
    in_make = tables.model_group.join(tables.make)
    in_group = in_make.join(tables.model, model.model_group_id == group.id)
    in_model = in_group.join(tables.variant, variant.model_id == model.id)
    makes = select(make.name, make.id)
    groups = select(make.name, group.name, group.id).select_from(in_make)
    models = select(make.name, model.name, model.id).select_from(in_group)
    variants = select(make.name, model.name, variant.name, variant.id).select_from(in_model)
    offered = select(product.item_number, product.id).where(product.enabled)
    return Names(
        makes=dict(connection.execute(makes).all()),
        groups={(of, name): number for of, name, number in connection.execute(groups)},
        models={(of, name): number for of, name, number in connection.execute(models)},
        variants={(a, b, name): number for a, b, name, number in connection.execute(variants)},
        product_groups=dict(connection.execute(select(kind.name, kind.id)).all()),
        products=dict(connection.execute(offered).all()),
    )
