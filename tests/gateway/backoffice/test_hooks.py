from __future__ import annotations

from typing import Any

import structlog

from gateway.backoffice import schema
from gateway.backoffice.hooks import callback
from gateway.backoffice.outside import Outside
from gateway.backoffice.rules import texting
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop


async def test_the_service_is_told_where_to_report(
    repair: Any, shops: Any, clock: Any, outside: Outside, elsewhere: Any, in_shop: Any
) -> None:
    outside.public_url = "https://gateway.test"
    where = callback(outside, 1, "twilio")
    assert where == "https://gateway.test/backoffice/repair/hooks/1/twilio"
    config = {"account_sid": "AC1", "auth_token": "t", "from_number": "+31970"}
    body = {"config": config, "is_enabled": True}
    assert (await repair.ask("PUT", "/integrations/twilio", json=body))[0] == 200

    def queue(shop: Shop) -> None:
        texting.queue_sms(shop, "+31612345678", "Hello")

    await in_shop(queue)
    await Sending(shops, schema.TABLES, clock, outside, structlog.get_logger()).send_due()
    assert b"StatusCallback=https%3A%2F%2Fgateway.test%2Fbackoffice" in elsewhere.asked[-1][2]
