"""What transactions promised goes out: mail with the printed invoice, SMS, calls of rules."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pypdf
import pytest
import structlog

from gateway.backoffice import schema
from gateway.backoffice.rules.automation import TOPICS, RuleRunner
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop
from gateway.bus.topics import matches
from gateway.storage.queries import events


@pytest.fixture
def sending(shops: Any, clock: Any, outside: Any) -> Sending:
    return Sending(shops, schema.TABLES, clock, outside, structlog.get_logger())


async def invoice(repair: Any) -> dict[str, Any]:
    body = {"first_name": "Jan", "email": "jan@example.test", "vat_number": "NL004495445B01"}
    customer = (await repair.ask("POST", "/customers", json=body))[1]["id"]
    lines = [
        {"description": "Seven parts", "qty": 7, "unit_price": 0.99},
        {"description": "Book", "qty": 1, "unit_price": 10, "vat_rate": 9},
    ]
    draft = {"customer_id": customer, "invoice_date": "2026-03-02", "lines": lines}
    number = (await repair.ask("POST", "/invoices", json=draft))[1]["id"]
    status, sent = await repair.ask("POST", f"/invoices/{number}/send")
    assert status == 200, sent
    return dict(sent)


async def server(repair: Any, port: int) -> None:
    body = {"host": "127.0.0.1", "port": port, "encryption": "none", "username": "g@example.test"}
    assert (await repair.ask("PUT", "/v1/email/config", json=body))[0] == 200


@pytest.mark.slow
async def test_an_invoice_goes_out_as_pdf(repair: Any, sending: Sending, letters: Any) -> None:
    sent = await invoice(repair)
    assert sent["vat_breakdown"][1] == {"rate": 21, "base": 6.93, "vat": 1.46}
    await sending.send_due()
    assert letters.taken == []  # there is no server yet; nothing is lost
    await server(repair, letters.port)
    await sending.send_due()
    await sending.send_due()
    ((recipients, letter),) = letters.taken
    assert recipients == ["jan@example.test"]
    (attachment,) = letter.iter_attachments()
    assert attachment.get_filename() == "INV-2026-0001.pdf"
    text = pypdf.PdfReader(BytesIO(attachment.get_content())).pages[0].extract_text()
    for told in ("INV-2026-0001", "Seven parts", "NL004495445B01", "VAT 21 %", "1 / 1"):
        assert told in text
    stored = await (await repair.raw("GET", f"/invoices/{sent['id']}/pdf")).get_data()
    assert stored == attachment.get_content()


@pytest.mark.slow
async def test_a_refused_letter_waits(
    repair: Any, sending: Sending, letters: Any, clock: Any
) -> None:
    await invoice(repair)
    await server(repair, letters.port)
    letters.refusal = "451 Later"
    await sending.send_due()
    letters.refusal = ""
    await sending.send_due()
    assert letters.taken == []
    clock.advance(61)
    await sending.send_due()
    assert len(letters.taken) == 1


async def test_a_message_is_counted_and_sent(
    repair: Any, sending: Sending, elsewhere: Any
) -> None:
    config = {"account_sid": "AC1", "auth_token": "secret", "from_number": "+31970"}
    body = {"config": config, "is_enabled": True}
    assert (await repair.ask("PUT", "/integrations/twilio", json=body))[0] == 200
    shown = (await repair.ask("GET", "/integrations/twilio"))[1]["config"]
    assert shown == config | {"auth_token": "***masked***"}
    sms = {"phone": "+31612345678", "body": "ç" * 71}
    assert (await repair.ask("POST", "/v1/sms/send", json=sms))[1]["status"] == "queued"
    await sending.send_due()
    (message,) = (await repair.ask("GET", "/v1/sms/messages"))[1]["data"]
    assert (message["status"], message["segments"], message["cost"]) == ("sent", 2, 0.04)
    assert elsewhere.asked[-1][:2] == ("POST", "/2010-04-01/Accounts/AC1/Messages.json")


async def test_a_rule_acts_on_what_happened(
    repair: Any, shops: Any, sending: Sending, elsewhere: Any, clock: Any
) -> None:
    rule = {
        "name": "Urgent ones",
        "trigger": "wo_created",
        "conditions": [{"field": "priority", "operator": "eq", "value": "urgent"}],
        "actions": [
            {"type": "create_task", "params": {"title": "Call {{customer_name}}"}},
            {"type": "change_status", "params": {"status": "picked_up"}},
            {"type": "webhook", "params": {"url": f"{elsewhere.url}/v1/models"}},
        ],
    }
    assert (await repair.ask("POST", "/v1/automation-rules", json=rule))[0] == 201
    customer = (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[1]["id"]
    for priority in ("normal", "urgent"):
        order = {"customer_id": customer, "priority": priority}
        await repair.ask("POST", "/work-orders", json=order)

    def drain(connection: Any) -> None:
        runner = RuleRunner(schema.TABLES, clock)
        for event in events.after(connection, 0):
            if matches(event, frozenset(TOPICS)):
                runner(connection, event)

    await shops.write(drain)
    (task,) = (await repair.ask("GET", "/v1/tasks"))[1]["data"]
    assert (task["title"], task["work_order_id"]) == ("Call Jan", 2)
    runs = (await repair.ask("GET", "/v1/automation-rules/1/logs"))[1]["data"]
    assert [(run["outcome"], run["affected_records"]) for run in runs] == [
        ("partial", 1),
        ("success", 0),
    ]
    assert "cannot go from New to Picked Up" in runs[0]["error"]
    await sending.send_due()
    assert elsewhere.asked[-1][:2] == ("POST", "/v1/models")


async def test_a_module_that_is_off_is_closed(repair: Any, in_shop: Any) -> None:
    assert (await repair.ask("GET", "/warehouse/bins"))[0] == 200
    body = {"license_type": "SMR", "tier": "growth", "valid_from": "2026-01-01"}
    licence = (await repair.ask("POST", "/licenses", json=body | {"valid_until": "2027-01-01"}))[1]
    assert (licence["max_users"], licence["price_monthly"]) == (15, "149.00")
    path = f"/licenses/{licence['id']}/modules/warehouse"
    assert (await repair.ask("GET", path))[1] == {"has_module": True}
    await repair.ask("DELETE", path)
    status, refused = await repair.ask("GET", "/warehouse/bins")
    assert (status, "warehouse" in refused["message"]) == (403, True)

    def count(shop: Shop) -> int:
        return shop.count("license_module")

    assert await in_shop(count) == 9


async def test_one_box_finds_everything(repair: Any) -> None:
    await repair.ask("POST", "/customers", json={"first_name": "Jan", "phone": "06-12345678"})
    await repair.ask("POST", "/work-orders", json={"customer_id": 1, "device_brand": "Volvo"})
    found = (await repair.ask("GET", "/search?q=%2B31612345678"))[1]
    assert found["customers"] == [{"id": 1, "name": "Jan"}]
    found = (await repair.ask("GET", "/search?q=wo-2026-0001"))[1]
    assert [one["id"] for one in found["work_orders"]] == [1]
    assert found["products"] == found["invoices"] == []
