"""The schema, one module per aggregate, all on one ``metadata``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import MetaData

from gateway.storage import full_text as full_text  # its listeners see every table made

#: Constraint names are fixed by convention, so that a migration can name what it drops.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def load_all() -> MetaData:
    """Import every module of this package and return the metadata with all their tables.

    The back office adds its own when it is imported.
    """
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return metadata
