"""Calls of other services: each proves by its signature that it is the one it names.

What a call says is refused (403) without that proof, whether there is such a garage or not.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from gateway.backoffice import payments
from gateway.backoffice.action import Action, Call, Run
from gateway.backoffice.body import decode
from gateway.backoffice.catalogue.repair.shapes import MESSAGE
from gateway.backoffice.hooks import PATH, callback
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules import (
    correspondence,
    garage,
    integrations,
    paying,
    signatures,
    texting,
)
from gateway.backoffice.rules.paying import Paid
from gateway.domain.errors import Forbidden, Invalid

_DONE = {"message": "Thank you."}


def _unproven() -> Forbidden:
    return Forbidden("backoffice.signature", "The signature is missing or wrong.")


async def _settings(call: Call, slug: str) -> dict[str, str]:
    """Return a service's settings in the path's garage, empty where it is not switched on."""
    sealer = call.outside.sealer
    try:
        return await call.of_garage(
            call.id("garage_id"), lambda shop: integrations.enabled(shop, sealer, slug)
        )
    except Invalid:
        return {}


def _form(call: Call) -> list[tuple[str, str]]:
    try:
        return parse_qsl(call.data.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise broken_rule("The body must be a form.") from None


async def _twilio(call: Call) -> object:
    form, token = _form(call), (await _settings(call, "twilio")).get("auth_token")
    url = callback(call.outside, call.id("garage_id"), "twilio")
    given = call.header("X-Twilio-Signature") or ""
    if not token or not signatures.is_twilio(given, url, form, token):
        raise _unproven()
    said = dict(form)
    await call.of_garage(
        call.id("garage_id"),
        lambda shop: texting.report(
            shop,
            said.get("MessageSid", ""),
            said.get("MessageStatus", ""),
            said.get("ErrorCode", ""),
        ),
    )
    return _DONE


async def _stripe(call: Call) -> object:
    settings = await _settings(call, "stripe")
    given, secret = call.header("Stripe-Signature") or "", settings.get("webhook_secret")
    now = call.services.clock()
    if not secret or not signatures.is_stamped(given, secret, call.data, now):
        raise _unproven()
    event = decode(call.data)
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    if event.get("type") != "payment_intent.succeeded" or not isinstance(about, dict):
        return _DONE  # of no interest here
    return await _book(
        call, await payments.stripe_paid(call.outside, settings, str(about.get("id")))
    )


async def _mollie(call: Call) -> object:
    """Mollie signs nothing unless told to: the proof is what it answers to the garage's key."""
    settings = await _settings(call, "mollie")
    secret = settings.get("webhook_secret")
    given = call.header("X-Mollie-Signature") or ""
    if not settings or (secret and not signatures.is_plain(given, secret, call.data)):
        raise _unproven()
    number = dict(_form(call)).get("id", "")
    if not number.startswith("tr_") or len(number) > 64:
        raise broken_rule("The id must be a payment's.")
    return await _book(call, await payments.mollie_paid(call.outside, settings, number))


async def _book(call: Call, paid: Paid | None) -> object:
    if paid is not None:
        await call.of_garage(call.id("garage_id"), lambda shop: paying.book(shop, paid))
    return _DONE


async def _mail(call: Call) -> object:
    sealer, garage_id = call.outside.sealer, call.id("garage_id")
    secret = await call.of_garage(garage_id, lambda shop: garage.hook_secret(shop, sealer))
    given, now = call.header("X-Signature") or "", call.services.clock()
    if not secret or not signatures.is_stamped(given, secret, call.data, now):
        raise _unproven()
    await call.of_garage(garage_id, lambda shop: correspondence.note_received(shop, call.data))
    return _DONE


def _hook(name: str, service: str, summary: str, run: Run) -> Action:
    return Action(
        name,
        REPAIR,
        "POST",
        f"{PATH}/{service}",
        summary,
        MESSAGE,
        run,
        public=True,
        raw=True,
        tag="hooks",
    )


ACTIONS = (
    _hook("smsReport", "twilio", "What became of an SMS (X-Twilio-Signature)", _twilio),
    _hook("stripeEvent", "stripe", "A payment over Stripe (Stripe-Signature)", _stripe),
    _hook("mollieEvent", "mollie", "A payment over Mollie (id of the payment)", _mollie),
    _hook("inboundMail", "mail", "A letter, RFC 5322 (X-Signature: t=SECONDS,v1=HEX)", _mail),
)
