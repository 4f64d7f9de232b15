"""``gateway wallet``: what garages have paid ahead."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from gateway.cli.administration import actor, row_number
from gateway.cli.invocation import Invocation, say, show, with_identity
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries import wallets as ledger
from gateway.storage.queries.wallets import Movement, MovementKind, Wallet
from gateway.tickets import wallets

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Movements that are shown, the newest.
SHOWN = 50


def add_to(commands: Commands) -> None:
    """Add the wallets' commands."""
    group = commands.add_parser("wallet", help="what garages have paid ahead")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    look = _action(actions, "show", "print the balance and the newest movements")
    look.set_defaults(command=show_wallet)
    pay = _action(actions, "pay", "write down a payment")
    pay.add_argument("amount", type=_amount)
    pay.add_argument("--reference", default="", help="of the payment")
    pay.set_defaults(command=pay_in, kind=MovementKind.PAYMENT)
    correct = _action(actions, "correct", "write down a correction; less than 0 takes off")
    correct.add_argument("amount", type=_amount)
    correct.add_argument("--reference", required=True, help="why")
    correct.set_defaults(command=pay_in, kind=MovementKind.CORRECTION)
    allow = _action(actions, "allow", "let the balance go so far below zero")
    allow.add_argument("overdraft", type=_amount)
    allow.set_defaults(command=allow_overdraft)


def _action(actions: Commands, name: str, text: str) -> argparse.ArgumentParser:
    made = actions.add_parser(name, help=text)
    made.add_argument("--tenant", type=row_number, required=True, help="number of the garage")
    return made


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError("an amount such as 250 or 12.50") from None


def show_wallet(invocation: Invocation) -> int:
    """Print a wallet."""
    tenant: int = invocation.arguments.tenant

    async def work(_identity: Identity, database: Database) -> None:
        _tell(await database.read(ledger.find, tenant))
        found = await database.read(ledger.movements, tenant, offset=0, limit=SHOWN)
        show(
            ("at", "kind", "amount", "balance", "ticket", "reference"),
            [
                (
                    one.at.isoformat(timespec="seconds"),
                    one.kind,
                    one.amount,
                    one.balance,
                    one.ticket_id or "-",
                    one.reference or "-",
                )
                for one in found.items
            ],
        )

    return with_identity(invocation.settings, work)


def pay_in(invocation: Invocation) -> int:
    """Write down a payment or a correction, and print the balance."""
    given = invocation.arguments
    movement = Movement(given.kind, given.amount, given.reference, actor(), utc_now())

    async def work(_identity: Identity, database: Database) -> None:
        _tell(await database.write(wallets.pay_in, given.tenant, movement))

    return with_identity(invocation.settings, work)


def allow_overdraft(invocation: Invocation) -> int:
    """Set how far below zero a balance may go."""
    given = invocation.arguments

    async def work(_identity: Identity, database: Database) -> None:
        _tell(await database.write(wallets.allow_overdraft, given.tenant, given.overdraft))

    return with_identity(invocation.settings, work)


def _tell(wallet: Wallet) -> None:
    say(f"balance    {wallet.balance}")
    say(f"overdraft  {wallet.overdraft}")
