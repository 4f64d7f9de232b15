"""The declarations. A new resource is a file here, and its ``RESOURCES`` in the list below."""

from __future__ import annotations

from gateway.backoffice.catalogue import (
    field_sales_clients,
    planner_clients,
    repair_customers,
    repair_work_orders,
)
from gateway.backoffice.catalogue.nouns import NOUNS

RESOURCES = (
    *repair_customers.RESOURCES,
    *repair_work_orders.RESOURCES,
    *planner_clients.RESOURCES,
    *field_sales_clients.RESOURCES,
)

__all__ = ["NOUNS", "RESOURCES"]
