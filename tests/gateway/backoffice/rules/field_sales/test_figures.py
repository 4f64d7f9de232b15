"""What reps have outstanding."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.desk import Desk


@pytest.mark.slow
async def test_reps_are_shown_beside_their_balances_when_asked_for(desk: Desk) -> None:
    body: dict[str, Any] = {"email": "r@x.test", "role": "rep", "password": "s3cret word"}
    rep = (await desk.make("/rep", name="Rita", **body))["_id"]
    product = (await desk.product())["_id"]
    line = {"product": product, "quantity": 2, "price": 5}
    await desk.make("/fullinvoices", rep=rep, items=[line])
    key = "total_outstanding_balance_of_invoices_created_by_rep"
    for query in ("populatedKeys[]=rep&populatedKeys[]=nothing", 'populatedKeys=["rep"]'):
        (row,) = await desk.see(f"/rep-balance-summary?{query}&rep={rep}")
        assert (row[key], row["rep"], row["rep_populated"]["name"]) == (10, rep, "Rita")
        assert "password" not in row["rep_populated"]
    (row,) = await desk.see("/rep-balance-summary")
    assert "rep_populated" not in row
    assert await desk.see("/rep-balance-summary?disabled=true") == []
