"""Takes out what transactions promised: mail, SMS and calls to other people's servers.

What could not be delivered is tried again with growing pauses and given up in the end; those who
run the garage are told. A letter that names a document gets it printed on the way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import trio
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from gateway.backoffice import exchange
from gateway.backoffice.hooks import callback
from gateway.backoffice.jobs import garages
from gateway.backoffice.outside import Outside
from gateway.backoffice.profiles.planner import PLANNER
from gateway.backoffice.records import File
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules import (
    integrations,
    outgoing,
    press,
    printing,
    secrets,
    telephony,
    texting,
)
from gateway.backoffice.rules.field_sales import hooks
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.rules.planner import bookings, letters, places
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError, Invalid, Unavailable
from gateway.storage.database import Database

T = TypeVar("T")

#: Seconds between two looks at what waits.
LOOK_INTERVAL = 5.0


@dataclass(frozen=True, slots=True)
class Sending:
    """A service; alive while :meth:`run` runs."""

    database: Database
    tables: Tables
    clock: Clock
    outside: Outside
    log: FilteringBoundLogger

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until cancelled."""
        if self.outside.sealer.was_replaced:
            await self._renew_secrets()
        task_status.started()
        while True:
            await self.send_due()
            await trio.sleep(LOOK_INTERVAL)

    async def _renew_secrets(self) -> None:
        for tenant_id in await self.database.read(garages):
            count = await self._write(
                tenant_id, partial(secrets.renew, sealer=self.outside.sealer)
            )
            self.log.info("secrets_sealed_anew", tenant=tenant_id, secrets=count)

    async def send_due(self) -> None:
        """Send what waits, for every garage."""
        try:
            ids = await self.database.read(garages)
        except Unavailable:
            self.log.warning("sending_unreadable")
            return
        rounds: tuple[Callable[[int], Awaitable[None]], ...] = (
            self._mail,
            self._sms,
            self._webhooks,
            self._calls,
            self._places,
        )
        for tenant_id in ids:
            for each in rounds:
                # A boundary like a session's: one garage's trouble is not the others'.
                try:
                    await each(tenant_id)
                except Exception as error:
                    self.log.error("sending_failed", tenant=tenant_id, exc_info=error)

    async def _mail(self, tenant_id: int) -> None:
        if not await self._read(tenant_id, outgoing.waiting_mail):
            return
        try:
            find = partial(outgoing.account_of, sealer=self.outside.sealer)
            account = await self._read(tenant_id, find)
        except Invalid:
            return  # it waits until a server is set up
        for row in await self._write(tenant_id, outgoing.due_mail):
            error = await self._letter(tenant_id, account, row)
            given_up = await self._write(
                tenant_id, partial(outgoing.settle_mail, mail_id=row["id"], error=error)
            )
            if given_up:
                await self._tell(tenant_id, f"Mail to {row['recipient']}: {error}")

    async def _letter(self, tenant_id: int, account: outgoing.Account, row: Values) -> str | None:
        """Send a letter; return what went wrong."""
        try:
            attached = await self._attached(tenant_id, row)
            body = self._with_link(tenant_id, row)
            letter = outgoing.compose(account, row["recipient"], row["subject"], body, attached)
            await self.outside.mail(account.server, letter)
        except GatewayError as error:
            return error.detail
        return None

    async def _attached(self, tenant_id: int, row: Values) -> File | None:
        if row["appointment_id"] is not None:
            read = partial(letters.calendar_file, appointment_id=row["appointment_id"])
            calendar = await self._read(tenant_id, read)
            return None if calendar is None else File("appointment.ics", "text/calendar", calendar)
        name = row["attachment_name"]
        if row["attachment"] is not None:
            return File(name, "application/pdf", row["attachment"])
        if not name:
            return None
        invoice_id = int(name.partition(":")[2])
        find = partial(printing.invoice_paper, invoice_id=invoice_id)
        invoice, paper = await self._read(tenant_id, find)
        data = invoice["pdf"] or await trio.to_thread.run_sync(press.pdf, paper)
        keep = partial(Shop.change, noun="invoice", identifier=invoice_id, values={"pdf": data})
        await self._write(tenant_id, keep)
        return File(f"{invoice['invoice_number']}.pdf", "application/pdf", data)

    def _with_link(self, tenant_id: int, row: Values) -> str:
        """Return a letter's text with its booking link, which is nowhere kept.

        Raises:
            Unavailable: nobody said how clients reach this server.
        """
        body = str(row["body_html"])
        if row["appointment_id"] is None or letters.LINK not in body:
            return body
        if not self.outside.public_url:
            raise Unavailable("backoffice.public_url", "Set http.public_url: letters hold links.")
        booking = bookings.Booking(tenant_id, row["appointment_id"])
        token = bookings.make_token(self.outside.sealer, booking)
        path = f"{PLANNER.mount}{bookings.PATH}/{token}"
        return body.replace(letters.LINK, self.outside.public_url + path)

    async def _places(self, tenant_id: int) -> None:
        """Look up where new addresses lie, in the garages that want it."""
        for address in await self._read(tenant_id, places.unknown):
            url = self.outside.address("pdok") + places.question(address)
            try:
                reply = await self.outside.ask("GET", url)
            except Upstream:
                return  # once more at the next round
            if not reply.ok:
                return
            found = places.answer(reply.document)
            await self._write(tenant_id, partial(places.put, address=address, place=found))

    async def _sms(self, tenant_id: int) -> None:
        rows = await self._read(tenant_id, texting.due_sms)
        if not rows:
            return
        try:
            find = partial(integrations.enabled, sealer=self.outside.sealer, slug="twilio")
            settings = await self._read(tenant_id, find)
        except Invalid:
            settings = {}
        for row in rows:
            await self._message(tenant_id, settings, row)

    async def _message(self, tenant_id: int, settings: dict[str, str], row: Values) -> None:
        provider_id, error = None, None
        try:
            if not settings:
                raise Upstream("twilio is not enabled")
            provider_id = await self._twilio(settings, row)
        except Upstream as problem:
            if not texting.is_stale(row, self.clock()):
                return  # once more at the next round
            error = problem.detail
        except Invalid as problem:
            error = problem.detail
        settle = partial(texting.settle_sms, message_id=row["id"])
        await self._write(tenant_id, partial(settle, provider_id=provider_id, error=error))

    async def _twilio(self, settings: dict[str, str], row: Values) -> str:
        """Hand a message to Twilio; raises ``Upstream``, or ``Invalid`` for what it refuses."""
        sid = settings["account_sid"]
        path = f"/2010-04-01/Accounts/{quote(sid, safe='')}/Messages.json"
        form = {"To": row["phone"], "From": settings["from_number"], "Body": row["body"]}
        if self.outside.public_url:
            form["StatusCallback"] = callback(self.outside, row["tenant_id"], "twilio")
        reply = await self.outside.ask(
            "POST",
            self.outside.address("twilio") + path,
            form=form,
            basic=(sid, settings["auth_token"]),
        )
        document = reply.document if isinstance(reply.document, dict) else {}
        if 400 <= reply.status < 500 and reply.status != 429:
            raise Invalid("backoffice.sms", str(document.get("message") or reply.status)[:200])
        if not reply.ok or "sid" not in document:
            raise Upstream(f"Twilio answered with status {reply.status}.")
        return str(document["sid"])[:64]

    async def _webhooks(self, tenant_id: int) -> None:
        if not await self._read(tenant_id, outgoing.waiting_webhooks):
            return
        for row in await self._write(tenant_id, outgoing.due_webhooks):
            error = None
            try:
                sign = partial(hooks.headers, row=row, sealer=self.outside.sealer)
                headers = await self._read(tenant_id, sign)
                reply = await self.outside.ask_typed(
                    "POST", row["url"], json=row["payload"], headers=headers
                )
                error = None if reply.ok else f"status {reply.status}"
            except GatewayError as problem:
                error = problem.detail
            settle = partial(outgoing.settle_webhook, hook_id=row["id"], error=error)
            await self._write(tenant_id, settle)
            await self._write(tenant_id, partial(hooks.log, row=row, error=error))

    async def _calls(self, tenant_id: int) -> None:
        """Bring the log of calls up to date with the exchange's history, once a minute."""
        find = partial(integrations.settings, sealer=self.outside.sealer, slug="3cx")
        settings = await self._read(tenant_id, partial(exchange.due, settings=find))
        if settings is None:
            return
        since = await self._write(tenant_id, exchange.begin)
        try:
            found = await exchange.history(self.outside, settings, since)
        except GatewayError as error:
            self.log.warning("call_log_unreadable", tenant=tenant_id, reason=error.detail)
            return
        await self._write(tenant_id, partial(telephony.store_calls, rows=found))

    async def _tell(self, tenant_id: int, text: str) -> None:
        def tell(shop: Shop) -> None:
            notify_admins(shop, "sending_failed", "Something could not be sent", text)

        await self._write(tenant_id, tell)

    async def _read(self, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return await self.database.read(self._in_shop, tenant_id, rule)

    async def _write(self, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return await self.database.write(self._in_shop, tenant_id, rule)

    def _in_shop(self, connection: Connection, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return rule(Shop(connection, self.tables, tenant_id, None, self.clock()))
