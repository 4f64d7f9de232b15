"""The assistant without a model: what the shop did before, ranked, priced, and said to be that."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules.assistant import answer_of

ASKED = {"device_brand": "VW", "device_model": "Golf", "symptoms": "will not start"}


async def test_own_orders_are_the_source(repair: Any, elsewhere: Any) -> None:
    ask = ASKED | {"customer_type": "business"}
    assert (await repair.ask("POST", "/ai/diagnose", json=ask))[0] == 422
    config = {"enabled": True, "diagnosis_cost": 40, "max_suggestions": 1}
    assert (await repair.ask("PUT", "/ai/config", json=config))[0] == 200
    customer = (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[1]["id"]
    for number, parts in enumerate((("Battery",), ("Battery", "Fuse")), 1):
        order = {"customer_id": customer, "device_brand": "VW"}
        order |= {"problem_description": "Does not start"}
        await repair.ask("POST", "/work-orders", json=order)
        for part in parts:
            line = {"description": part, "unit_price": 100}
            await repair.ask("POST", f"/work-orders/{number}/lines", json=line)
        for status in ("in_repair", "completed"):
            await repair.ask("PATCH", f"/work-orders/{number}", json={"status": status})
    status, answer = await repair.ask("POST", "/ai/diagnose", json=ask)
    assert status == 200
    (best,) = answer["suggestions"]
    assert (best["name"], best["confidence"], best["estimated_price"]) == ("Battery", "high", 100)
    assert "2 finished orders of this shop" in answer["advice"]
    private = ASKED | {"customer_type": "individual"}
    answer = (await repair.ask("POST", "/ai/diagnose", json=private))[1]
    assert answer["suggestions"][0]["estimated_price"] == 121
    assert elsewhere.asked == []


@pytest.mark.parametrize("reply", [None, {}, {"choices": []}, {"choices": [{"message": {}}]}])
def test_nonsense_is_no_answer(reply: object) -> None:
    with pytest.raises(Upstream):
        answer_of(reply)
