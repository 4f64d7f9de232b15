"""Employees come in by email and password, and choose a new one by a mailed code.

Asking for a code gets the same answer, after the same time, whether anybody has the email or
not: the letter is queued, and sent later. A code is 256 random bits, good once and for
``password_reset_lifetime``; only its hash is kept. Who has chosen a password is signed out
everywhere.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial

import trio

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid, Unauthorized
from gateway.identity.admission import Admission, Admitted, CustomerTokens
from gateway.identity.digests import digest
from gateway.identity.guarded import Account, Attempt, GuardedSignIn
from gateway.identity.hashing import SecretHasher, check_password
from gateway.identity.throttle import Throttle, network_of
from gateway.mail.letters import Letter
from gateway.mail.postbox import Postbox
from gateway.storage.database import Connection, Database
from gateway.storage.queries import credentials, employees, sign_in_locks
from gateway.storage.queries import identity as people
from gateway.storage.queries.credentials import Grant
from gateway.storage.queries.employees import Employee
from gateway.storage.queries.sign_in_locks import Guarded, Lockout, Lockouts

#: Letters that one mailbox gets before it has to wait, growing from a quarter of an hour to a
#: day: nobody's mailbox is to be filled by a stranger.
LETTERS = Lockout(attempts=3, first=900.0, longest=86_400.0)


#: Seconds that asking for a code takes at least: longer than queueing a letter does, so that the
#: time tells nothing.
ASKING_TAKES = 0.25


class Passwords:
    """Judges passwords and mails codes; shares throttle and hasher with the other doors."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        throttle: Throttle,
        guarded: GuardedSignIn,
        admission: Admission,
        postbox: Postbox,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._throttle = throttle
        self._guarded = guarded
        # Asking for letters must not lock anybody's sign-in, so it is counted apart.
        self.requests = Throttle(settings)
        self._admission = admission
        self._postbox = postbox
        self._lifetime = timedelta(seconds=settings.password_reset_lifetime)
        self._clock = clock

    async def sign_in(self, username: str, password: str, *, address: str) -> CustomerTokens:
        """Let an employee in.

        Args:
            username: their email; its case does not matter.
            password: as typed.
            address: the caller's network address.

        Raises:
            Unauthorized: they do not belong together, or the employee is disabled.
            Throttled: too many attempts on this email, from this address, or altogether.
        """
        refusal = (
            "The email and the password do not belong together. Check both, or ask for a new "
            "password."
        )
        name = username.strip().lower()[:255]
        admitted = await self._guarded.attempt(
            partial(_account, username=name),
            password,
            self._judge,
            address=address,
            refusal=refusal,
        )
        return self._admission.tokens_for(admitted)

    async def forgot(self, email: str, *, address: str) -> None:
        """Mail a code to whoever has this email, if anybody has.

        Raises:
            Throttled: too many were asked for from this address, or altogether.
            Unavailable: no mail server is configured.
        """
        self._postbox.require_open()
        answer_at = trio.current_time() + ASKING_TAKES
        with self.requests.attempt(address, trio.current_time()):
            name = email.strip().lower()[:255]
            await self._database.write(self._request, name, address)
        await trio.sleep_until(answer_at)

    async def choose(self, code: str, password: str, *, address: str) -> None:
        """Take a mailed code and set the password of whom it was mailed to.

        Raises:
            Invalid: the password is too short or too long; the code stays good.
            Unauthorized: the code is unknown, spent or expired.
            Throttled: too many attempts from this address, or altogether.
        """
        check_password(password)
        with self._throttle.attempt(address, trio.current_time()) as attempt:
            hashed = await self._hasher.hash(password)
            chosen = await self._database.write(
                self._choose, digest(code.strip()), hashed, address
            )
            if not chosen:
                raise Unauthorized(
                    "identity.reset_refused",
                    "The code is not right, was used before, or is too old. Ask for a new one.",
                )
            attempt.succeeded()

    def invite(self, connection: Connection, employee: Employee) -> None:
        """Mail somebody new a code to choose a password with, in the caller's transaction."""
        if self._postbox.is_open and employee.username is not None:
            try:
                self._mail_code(connection, employee, _WELCOME)
            except Invalid as error:
                raise Invalid(error.code, error.detail, field="username") from error

    # What follows runs in a database thread, each in one transaction.

    def _judge(self, connection: Connection, attempt: Attempt[Employee]) -> Admitted | None:
        employee, guarded = attempt.who, attempt.guarded
        if not attempt.right or employee is None:
            tenant_id = None if employee is None else employee.tenant_id
            self._admission.refuse(connection, guarded, tenant_id, attempt.address)
            return None
        if attempt.renewed is not None:
            employees.set_password_hash(connection, employee.uuid, attempt.renewed)
        grant = Grant(employee.uuid, None)
        return self._admission.admit(
            connection, grant, guarded.account, guarded.network, attempt.address
        )

    def _request(self, connection: Connection, email: str, address: str) -> None:
        known = employees.find_by_username(connection, email)
        employee = None if known is None else known[0]
        account = f"user:{email}"
        tenant_id = None if employee is None else employee.tenant_id
        self._admission.note(connection, "password.asked", account, tenant_id, address)
        guarded = Guarded(f"letters:{email}", network_of(address))
        bounds = Lockouts(near=LETTERS, wide=LETTERS)
        resting = sign_in_locks.count_attempt(connection, guarded, self._clock(), bounds)
        if employee is not None and employee.enabled and resting is None:
            self._mail_code(connection, employee, _FORGOTTEN)

    def _mail_code(self, connection: Connection, employee: Employee, words: str) -> None:
        now, code = self._clock(), secrets.token_urlsafe(32)
        employees.add_reset(connection, digest(code), employee.uuid, now, now + self._lifetime)
        known = people.current_user(connection, employee.uuid)
        host = "" if known is None else known.provider.portal_host
        minutes = int(self._lifetime.total_seconds() // 60)
        text = words.format(way=_way(host, code), minutes=minutes)
        letter = Letter(employee.username or "", "Choose your password", text)
        self._postbox.put(connection, letter, now)

    def _choose(
        self, connection: Connection, secret_hash: bytes, hashed: str, address: str
    ) -> bool:
        now = self._clock()
        user = employees.use_reset(connection, secret_hash, now)
        known = None if user is None else people.current_user(connection, user)
        if user is None or known is None:
            self._admission.note(connection, "password.refused", "code", None, address)
            return False
        employees.set_password_hash(connection, user, hashed)
        credentials.revoke_user(connection, user, now)
        guarded = Guarded(f"user:{known.user.username}", network_of(address))
        sign_in_locks.clear_attempts(connection, guarded, now)
        self._admission.note(
            connection, "password.chosen", f"user:{user}", known.tenant.id, address
        )
        return True


def _account(connection: Connection, username: str) -> Account[Employee]:
    known = employees.find_by_username(connection, username)
    employee, password_hash = (None, None) if known is None else known
    enabled = employee is not None and employee.enabled
    return Account(f"user:{username}", password_hash if enabled else None, employee)


_FORGOTTEN = """\
Somebody, probably you, asked for a new password for the customer portal.

{way}

This works once, within {minutes} minutes. If it was not you, nothing has changed: delete this
message.
"""

_WELCOME = """\
You have been given access to the customer portal of your garage.

{way}

This works once, within {minutes} minutes. After that, ask the portal for a new password.
"""


def _way(portal_host: str, code: str) -> str:
    """Return what to do with a code.

    It stands in the fragment, which browsers send to no server and into no log.
    """
    if portal_host:
        return f"Choose your password here:\n\nhttps://{portal_host}/choose-password#code={code}"
    return f"Enter this code in the portal and choose your password:\n\n{code}"
