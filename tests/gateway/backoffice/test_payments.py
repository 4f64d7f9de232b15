from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.backoffice import payments
from gateway.backoffice.outside import Outside
from gateway.backoffice.rules.paying import Paid

PAID = {
    "status": "paid",
    "amount": {"currency": "EUR", "value": "12.50"},
    "metadata": {"invoice_id": 7},
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, Paid("mollie", "tr_1", 7, Decimal("12.50"))),
        ({"status": "failed"}, None),
        ({"amount": {"currency": "USD", "value": "12.50"}}, None),
        ({"metadata": None}, None),
        ({"metadata": {"invoice_id": "7; DROP"}}, None),
        ({"amount": {"currency": "EUR", "value": "0.00"}}, None),
    ],
)
async def test_only_complete_payments_of_ours_count(
    outside: Outside, elsewhere: Any, change: dict[str, Any], found: Paid | None
) -> None:
    elsewhere.answers["/v2/payments/tr_1"] = (200, PAID | change)
    assert await payments.mollie_paid(outside, {"api_key": "k"}, "tr_1") == found
