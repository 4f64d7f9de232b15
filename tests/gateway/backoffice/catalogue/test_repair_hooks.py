"""Calls of other services: believed by their signature alone, and once."""

from __future__ import annotations

import hmac
import json
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.backoffice.outside import Outside
from gateway.backoffice.rules import signatures
from gateway.backoffice.shop import Shop

PUBLIC = "https://gateway.test"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def outside(outside: Outside) -> Outside:
    outside.public_url = PUBLIC
    return outside


async def _enable(repair: Any, slug: str, **config: str) -> None:
    body = {"config": config, "is_enabled": True}
    status, answer = await repair.ask("PUT", f"/integrations/{slug}", json=body)
    assert status == 200, answer


async def _invoice(repair: Any) -> int:
    person = {"first_name": "Jan", "email": "jan@example.test"}
    customer = (await repair.ask("POST", "/customers", json=person))[1]["id"]
    lines = [{"description": "x", "qty": 1, "unit_price": 100}]
    body = {"customer_id": customer, "invoice_date": "2026-03-02", "lines": lines}
    invoice = (await repair.ask("POST", "/invoices", json=body))[1]["id"]
    assert (await repair.ask("POST", f"/invoices/{invoice}/send"))[0] == 200
    return int(invoice)


async def test_sms_reports(repair: Any, in_shop: Any) -> None:
    await _enable(repair, "twilio", account_sid="AC1", auth_token="t", from_number="+31970")

    def sent(shop: Shop) -> None:
        row = {"phone": "+31612345678", "body": "x", "status": "sent"}
        shop.insert("sms_message", row | {"provider_id": "SM1"})
        shop.insert("sms_message", row | {"provider_id": "SM2"})

    await in_shop(sent)

    async def report(sid: str, status: str, token: str = "t", garage: int = 1) -> int:
        form = {"MessageSid": sid, "MessageStatus": status, "ErrorCode": "30005", "Extra": ""}
        path = f"/hooks/{garage}/twilio"
        url = f"{PUBLIC}/backoffice/repair{path}"
        headers = FORM | {"X-Twilio-Signature": signatures.twilio(url, form.items(), token)}
        return int((await repair.ask("POST", path, data=urlencode(form), headers=headers))[0])

    assert await report("SM1", "delivered", token="wrong") == 403
    assert await report("SM1", "delivered", garage=2) == 403
    assert await report("SM1", "delivered", garage=99) == 403
    assert [await report("SM1", "delivered"), await report("SM1", "failed")] == [200, 200]
    assert await report("SM2", "queued") == await report("SM2", "undelivered") == 200
    assert await report("SM9", "delivered") == 200
    rows = (await repair.ask("GET", "/v1/sms/messages"))[1]["data"]
    assert [row["status"] for row in rows] == ["failed", "delivered"]
    assert rows[1]["delivered_at"] is not None


@pytest.mark.parametrize("secret", [None, "hook"])
async def test_mollie_is_asked_for_what_it_says(
    repair: Any, elsewhere: Any, secret: str | None
) -> None:
    config = {"api_key": "live_1"} | ({"webhook_secret": secret} if secret else {})
    await _enable(repair, "mollie", **config)
    invoice = await _invoice(repair)
    paid = {"status": "paid", "amount": {"currency": "EUR", "value": "121.00"}}
    paid |= {"metadata": {"invoice_id": invoice}}
    elsewhere.answers["/v2/payments/tr_1"] = (200, paid | {"status": "open"})
    data = b"id=tr_1"
    signed = {"X-Mollie-Signature": f"sha256={hmac.digest(b'hook', data, 'sha256').hex()}"}
    headers = FORM | (signed if secret else {})

    async def call(body: bytes = data, **other: str) -> int:
        given = headers | other
        return int((await repair.ask("POST", "/hooks/1/mollie", data=body, headers=given))[0])

    async def outstanding() -> float:
        document = (await repair.ask("GET", f"/invoices/{invoice}"))[1]
        return float(document["total_incl"]) if document["status"] == "sent" else 0

    assert (await call(), await outstanding()) == (200, 121)
    elsewhere.answers["/v2/payments/tr_1"] = (200, paid)
    assert (await call(), await outstanding()) == (200, 0)
    assert await call() == 200  # once more: it is booked already
    status, payments = await repair.ask("GET", f"/invoices/{invoice}/payments")
    if status == 200:
        assert len(payments if isinstance(payments, list) else payments["data"]) == 1
    if secret:
        assert await call(b"id=tr_2") == 403
    else:
        assert await call(b"id=../../x") == 422
        assert await call(b"id=tr_unknown") == 502


async def test_stripe_signs_what_it_says(repair: Any, elsewhere: Any, clock: Any) -> None:
    await _enable(repair, "stripe", secret_key="sk_1", webhook_secret="whsec")
    invoice = await _invoice(repair)
    intent = {"status": "succeeded", "currency": "eur", "amount_received": 15_000}
    elsewhere.answers["/v1/payment_intents/pi_1"] = (
        200,
        intent | {"metadata": {"invoice_id": str(invoice)}},
    )
    event = {"type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
    data = json.dumps(event).encode()

    async def call(secret: str = "whsec", body: bytes = data) -> int:
        headers = {"Stripe-Signature": signatures.stamp(secret, body, clock())}
        return int((await repair.ask("POST", "/hooks/1/stripe", data=body, headers=headers))[0])

    assert await call("wrong") == 403
    assert await call(body=b'{"type": "charge.refunded"}') == 200
    assert await call() == await call() == 200
    document = (await repair.ask("GET", f"/invoices/{invoice}"))[1]
    assert document["status"] == "paid"
    notices = (await repair.ask("GET", "/v1/notifications"))[1]["data"]
    assert [n for n in notices if n["title"].startswith("Too much was paid")]


async def test_a_link_to_pay(repair: Any, elsewhere: Any, outside: Outside) -> None:
    await _enable(repair, "mollie", api_key="live_1")
    await _enable(repair, "stripe", secret_key="sk_1")
    invoice = await _invoice(repair)
    path = f"/invoices/{invoice}/payment-link"
    href = {"checkout": {"href": "https://pay.test/m"}}
    elsewhere.answers["/v2/payments"] = (201, {"id": "tr_1", "_links": href})
    elsewhere.answers["/v1/checkout/sessions"] = (200, {"url": "https://pay.test/s"})
    made = await repair.ask("POST", path, json={"service": "mollie"})
    assert made == (200, {"url": "https://pay.test/m"})
    body = json.loads(elsewhere.asked[-1][2])
    assert body["amount"] == {"currency": "EUR", "value": "121.00"}
    assert body["webhookUrl"] == f"{PUBLIC}/backoffice/repair/hooks/1/mollie"
    made = await repair.ask("POST", path, json={"service": "stripe"})
    assert made == (200, {"url": "https://pay.test/s"})
    assert b"unit_amount%5D=12100" in elsewhere.asked[-1][2]
    outside.public_url = ""
    status, refused = await repair.ask("POST", path, json={"service": "mollie"})
    assert (status, "http.public_url" in refused["message"]) == (422, True)


async def test_letters_come_into_their_threads(repair: Any, clock: Any) -> None:
    secret = (await repair.ask("POST", "/v1/garage/hook-secret"))[1]["secret"]
    person = {"first_name": "Jan", "email": "jan@example.test"}
    await repair.ask("POST", "/customers", json=person)

    async def bring(data: bytes, key: str = secret) -> int:
        headers = {"X-Signature": signatures.stamp(key, data, clock())}
        return int((await repair.ask("POST", "/hooks/1/mail", data=data, headers=headers))[0])

    def letter(number: int, subject: str, **headers: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = "Jan <jan@example.test>", "garage@example.test"
        message["Subject"], message["Message-ID"] = subject, f"<{number}@example.test>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        return message

    first = letter(1, "Brakes")
    first.set_content("They <squeak>")
    first.add_alternative("<p>They squeak<script>x()</script></p>", subtype="html")
    first.add_attachment(b"x", maintype="image", subtype="png", filename="brakes.png")
    answer = letter(2, "Something else", In_Reply_To="<1@example.test>")
    answer.set_content("Still <do>")
    same = letter(3, "RE: brakes")
    same.set_content("x")
    assert await bring(bytes(first), "wrong") == 403
    for one in (first, first, answer, same):
        assert await bring(bytes(one)) == 200
    assert await bring(b"Subject: nobody\r\n\r\n") == 422
    assert (
        await bring(b"From: a@x.test\r\nContent-Type: text/html; charset=no-such\r\n\r\n\xff\x00")
        == 200
    )
    inbox = (await repair.ask("GET", "/v1/email/inbox"))[1]["data"]
    assert [row["message_count"] for row in inbox] == [1, 3]
    thread = (await repair.ask("GET", f"/v1/email/threads/{inbox[1]['id']}"))[1]
    bodies = [message["body_html"] for message in thread["messages"]]
    assert bodies[0].strip() == "<p>They squeak</p>"
    assert bodies[1] == "<pre>Still &lt;do&gt;\n</pre>"
    assert thread["messages"][0]["direction"] == "inbound"
