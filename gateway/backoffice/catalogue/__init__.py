"""The declarations. A new resource is a file here, and its ``RESOURCES`` in the list below."""

from __future__ import annotations

from gateway.backoffice.catalogue import (
    field_sales_clients,
    planner_clients,
    repair_customers,
    repair_sign_in,
    repair_work_orders,
)
from gateway.backoffice.catalogue.nouns import NOUNS
from gateway.backoffice.declarations import Declarations

RESOURCES = (
    *repair_customers.RESOURCES,
    *repair_work_orders.RESOURCES,
    *planner_clients.RESOURCES,
    *field_sales_clients.RESOURCES,
)

#: What the product serves.
DECLARATIONS = Declarations(NOUNS, RESOURCES, repair_sign_in.ACTIONS)

__all__ = ["DECLARATIONS"]
