"""People of a garage at its portal: added, changed and shut out by the garage itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.emails import checked_email
from gateway.identity.passwords import Passwords
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, credentials, employees
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.employees import Employee
from gateway.storage.queries.page import Page

#: Characters of a name.
LONGEST_NAME = 255

#: The language people are written in where they name none.
DEFAULT_LOCALE = "en"


@dataclass(frozen=True, slots=True)
class EmployeeDraft:
    """What a garage says of somebody.

    Attributes:
        given_name: up to 255 characters.
        family_name: up to 255 characters.
        username: an email, or ``None`` for somebody who does not sign in.
        locale: BCP 47 tag; ``None`` leaves it.
        enabled: whether they may come in; ``None`` leaves it.
    """

    given_name: str
    family_name: str
    username: str | None
    locale: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Garage:
    """A garage whose people somebody else looks after, as its service provider does.

    Attributes:
        tenant_id: the garage.
        actor: who does it, for the audit trail: ``operator:CLIENT``.
    """

    tenant_id: int
    actor: str


class Employees:
    """Keeps a garage's people; every change audited."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        clock: Clock,
        *,
        on_disabled: Callable[[], None],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._on_disabled = on_disabled

    async def list(
        self, customer: CustomerPrincipal, *, offset: int, limit: int
    ) -> Page[Employee]:
        """Return the garage's employees by name."""
        return await self._database.read(
            employees.of_tenant, customer.tenant_id, offset=offset, limit=limit
        )

    async def find(self, customer: CustomerPrincipal, uuid: UUID) -> Employee:
        """Return one of the garage's people; the caller's own UUID always works.

        Raises:
            NotFound: there is none; another garage's look the same.
        """
        return await self._database.read(_require, customer.tenant_id, uuid)

    async def add(self, customer: CustomerPrincipal | Garage, draft: EmployeeDraft) -> Employee:
        """Add somebody. Who has an email is mailed a link to choose a password.

        Without a mail server nothing is sent; they ask for a new password later.

        Raises:
            Invalid: a name, the email or the locale is malformed, or the email is taken.
        """
        new = Employee(
            uuid=uuid4(),
            tenant_id=customer.tenant_id,
            given_name=_checked_name(draft.given_name, "given_name"),
            family_name=_checked_name(draft.family_name, "family_name"),
            username=_checked_username(draft.username),
            locale=_checked_locale(draft.locale) or DEFAULT_LOCALE,
            enabled=draft.enabled is not False,
        )
        await self._database.write(self._add, customer, new)
        return new

    async def change(
        self, customer: CustomerPrincipal | Garage, uuid: UUID, draft: EmployeeDraft
    ) -> Employee:
        """Replace what is known of somebody. Disabling them ends all they are signed in to.

        Raises:
            Invalid: as :meth:`add`; or the email would be cleared, or the caller disabled.
            NotFound: there is none; another garage's look the same.
        """
        changed, is_shut_out = await self._database.write(self._change, customer, uuid, draft)
        if is_shut_out:
            self._on_disabled()
        return changed

    # What follows runs in a database thread, each in one transaction.

    def _add(
        self, connection: Connection, customer: CustomerPrincipal | Garage, new: Employee
    ) -> None:
        _require_free(connection, new)
        employees.add(connection, new, self._clock())
        self._note(connection, "employee.added", customer, new)
        if new.username is not None and new.enabled:
            self._passwords.invite(connection, new)

    def _change(
        self,
        connection: Connection,
        customer: CustomerPrincipal | Garage,
        uuid: UUID,
        draft: EmployeeDraft,
    ) -> tuple[Employee, bool]:
        known = _require(connection, customer.tenant_id, uuid)
        changed = replace(
            known,
            given_name=_checked_name(draft.given_name, "given_name"),
            family_name=_checked_name(draft.family_name, "family_name"),
            username=_checked_username(draft.username),
            locale=_checked_locale(draft.locale) or known.locale,
            enabled=known.enabled if draft.enabled is None else draft.enabled,
        )
        _check_change(known, changed, customer)
        _require_free(connection, changed)
        employees.change(connection, changed)
        if changed.username != known.username:
            # Whoever reads the former mailbox must not choose a password any more.
            employees.spend_resets(connection, uuid, self._clock())
        self._note(connection, "employee.changed", customer, changed)
        is_shut_out = known.enabled and not changed.enabled
        if is_shut_out:
            credentials.revoke_user(connection, uuid, self._clock())
        return changed, is_shut_out

    def _note(
        self,
        connection: Connection,
        action: str,
        customer: CustomerPrincipal | Garage,
        employee: Employee,
    ) -> None:
        actor = customer.actor if isinstance(customer, Garage) else f"user:{customer.user_id}"
        subject = f"user:{employee.uuid}"
        detail = {"username": employee.username, "enabled": str(employee.enabled).lower()}
        entry = AuditEntry(
            self._clock(), action, actor, subject, customer.tenant_id, detail=detail
        )
        audit.record(connection, entry)


def _require(connection: Connection, tenant_id: int, uuid: UUID) -> Employee:
    known = employees.find(connection, tenant_id, uuid)
    if known is None:
        raise NotFound("employee.unknown", f"You have no employee {uuid}. List your employees.")
    return known


def _check_change(
    known: Employee, changed: Employee, customer: CustomerPrincipal | Garage
) -> None:
    if known.username is not None and changed.username is None:
        detail = "An email can be changed, but not taken away. Disable the employee instead."
        raise Invalid("employee.username_cleared", detail, field="username")
    is_own = isinstance(customer, CustomerPrincipal) and known.uuid == customer.user_id
    if is_own and not changed.enabled:
        detail = "You cannot shut yourself out. Let a colleague do it."
        raise Invalid("employee.own_access", detail, field="enabled")


def _require_free(connection: Connection, employee: Employee) -> None:
    username = employee.username
    if username is not None and employees.username_taken(connection, username, employee.uuid):
        detail = f"Somebody has the email {username} already. Choose another one."
        raise Invalid("employee.username_taken", detail, field="username")


def _checked_name(name: str, field: str) -> str:
    name = name.strip()
    if len(name) > LONGEST_NAME:
        detail = f"A name has at most {LONGEST_NAME} characters."
        raise Invalid("employee.name_length", detail, field=field)
    return name


def _checked_username(username: str | None) -> str | None:
    return None if username is None else checked_email(username, field="username")


def _checked_locale(locale: str | None) -> str | None:
    """Return a BCP 47 tag as it is written, if there are words for it."""
    if locale is None:
        return None
    # Here, because the tables of all languages take a while to load.
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415

    try:
        return str(Locale.parse(locale, sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError, TypeError) as error:
        detail = f"{locale!r:.40} is no supported language. Use a tag such as en, nl or de-AT."
        raise Invalid("employee.locale", detail, field="correspondence_locale") from error
