"""What the shop keeps, whichever APIs show it: one table each, one file per family.

Imports no rules and no catalogue: both build on it.
"""

from __future__ import annotations

from gateway.backoffice.nouns.workshop import (
    ADDRESS,
    CUSTOMER,
    INVOICE_ADDRESS,
    SHOP_USER,
    STATUSES,
    WORK_ORDER,
    WORK_ORDER_EVENT,
    WORK_ORDER_LINE,
    WORK_ORDER_NOTE,
)

__all__ = [
    "ADDRESS",
    "CUSTOMER",
    "INVOICE_ADDRESS",
    "SHOP_USER",
    "STATUSES",
    "WORK_ORDER",
    "WORK_ORDER_EVENT",
    "WORK_ORDER_LINE",
    "WORK_ORDER_NOTE",
]
