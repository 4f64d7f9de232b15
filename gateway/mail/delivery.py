"""Takes queued letters to the server, a few at a time, and tries again."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import trio
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from structlog.typing import FilteringBoundLogger

from gateway.config import MailSettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.mail.smtp import NotNow, Undeliverable, submit
from gateway.storage.database import Database
from gateway.storage.queries import mail
from gateway.storage.queries.mail import QueuedLetter

#: Letters under way at once, each in a thread of its own.
THREADS = 2

#: Letters taken in hand at once.
BATCH = 20

#: Seconds between two looks at the queue; a letter may wait this long.
LOOK_INTERVAL = 2.0

#: Seconds of the first pause before a letter is tried again, and of the longest.
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 1_800.0

#: How long it is kept on record that a letter was sent.
KEPT = timedelta(days=30)

#: Seconds between two rounds of housekeeping.
PRUNE_INTERVAL = 3_600.0


class MailDelivery:
    """A service; owns the threads that talk to the server."""

    def __init__(
        self,
        database: Database,
        settings: MailSettings,
        fernet: Fernet | MultiFernet,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._database = database
        self._settings = settings
        self._fernet = fernet
        self._clock = clock
        self._log = log
        self._threads = trio.CapacityLimiter(THREADS)
        # Long enough for a batch that meets a server which answers nothing at all.
        self._lease = timedelta(seconds=60 + settings.timeout * 8 * BATCH / THREADS)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until cancelled."""
        task_status.started()
        prune_at = trio.current_time() + PRUNE_INTERVAL
        while True:
            try:
                delivered = await self.deliver_due()
                if trio.current_time() >= prune_at:
                    prune_at = trio.current_time() + PRUNE_INTERVAL
                    await self._database.write(mail.prune, self._clock() - KEPT)
            except Unavailable:
                self._log.warning("mail_queue_unreadable")
                delivered = 0
            if not delivered:
                await trio.sleep(LOOK_INTERVAL)

    async def deliver_due(self) -> int:
        """Try every letter of one batch; return how many were taken in hand."""
        due = await self._database.write(mail.take_due, self._clock(), self._lease, BATCH)
        async with trio.open_nursery() as nursery:
            for letter in due:
                nursery.start_soon(self._try, letter)
        return len(due)

    async def _try(self, letter: QueuedLetter) -> None:
        try:
            await self._deliver(letter)
        except Unavailable:
            # What became of it is not on record: it is due again when the lease ends.
            self._log.warning("mail_outcome_not_noted", letter=letter.id)

    async def _deliver(self, letter: QueuedLetter) -> None:
        try:
            text = self._fernet.decrypt(letter.sealed)
        except InvalidToken:
            await self._give_up(letter, "sealed with another key")
            return
        call = partial(submit, self._settings, letter.recipient, text)
        try:
            # Abandoned at shutdown: the server may have it already, and gets it once more.
            await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
        except Undeliverable as error:
            await self._give_up(letter, str(error))
        except NotNow as error:
            await self._postpone(letter, str(error))
        else:
            await self._database.write(mail.delivered, letter.id, self._clock())
            self._log.info("mail_delivered", letter=letter.id)

    async def _postpone(self, letter: QueuedLetter, error: str) -> None:
        now = self._clock()
        if now - letter.created_at >= timedelta(seconds=self._settings.give_up_after):
            await self._give_up(letter, error)
            return
        await self._database.write(mail.postponed, letter.id, _next(letter, now), error)
        self._log.warning("mail_postponed", letter=letter.id, reason=error)

    async def _give_up(self, letter: QueuedLetter, error: str) -> None:
        await self._database.write(mail.given_up, letter.id, error)
        self._log.error("mail_given_up", letter=letter.id, reason=error)


def _next(letter: QueuedLetter, now: datetime) -> datetime:
    pause = min(FIRST_PAUSE * 2.0 ** min(letter.attempts - 1, 20), LONGEST_PAUSE)
    return now + timedelta(seconds=pause)
