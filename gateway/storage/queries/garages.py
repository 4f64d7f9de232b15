"""What a garage may change about itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, update

from gateway.storage.tables.identity import tenant

#: Columns that are the garage's own words; the rest is its provider's.
OWN_COLUMNS = frozenset(
    {
        "name",
        "street",
        "number",
        "postal_code",
        "locality",
        "country",
        "email",
        "financial_email",
        "phone",
    }
)


def change(connection: Connection, tenant_id: int, values: Mapping[str, str]) -> None:
    """Set some of :data:`OWN_COLUMNS`.

    Raises:
        KeyError: another column is named.
    """
    if unknown := values.keys() - OWN_COLUMNS:
        raise KeyError(f"not a garage's own to change: {sorted(unknown)}")
    if values:
        connection.execute(update(tenant).where(tenant.c.id == tenant_id).values(dict(values)))
