"""The garage's mailbox: how it is reached, when it is looked at, and up to where it was read.

A letter is kept in the transaction that moves that place: none is lost, none comes twice.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.backoffice.mailbox import LARGEST, Letter, Mailbox, Position
from gateway.backoffice.moments import Moment
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.correspondence import note_received
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.sealing import Sealer, unchanged
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Invalid

#: Between two looks; longer after one that failed: servers lock out who tries too often.
_INTERVAL, _AFTER_FAILURE = timedelta(minutes=1), timedelta(minutes=10)

#: What the API shows and takes.
_SHOWN = ("host", "port", "encryption", "username", "folder", "enabled")

_BLANK: Values = {
    "host": "",
    "port": 993,
    "encryption": "ssl",
    "username": "",
    "folder": "INBOX",
    "enabled": False,
}


def shown(shop: Shop) -> Values:
    """Return the mailbox as the API shows it; its password is never part of it."""
    row = _row(shop) or _BLANK
    checked, problem = row.get("checked_at"), row.get("problem") or ""
    last = {"checked_at": checked and Moment().render(checked), "problem": problem}
    return {name: row[name] for name in _SHOWN} | last


def change(shop: Shop, sealer: Sealer, values: Values) -> Values:
    """Change the mailbox; a password that is left out stays.

    Another place is read from the letters on that come in from now.

    Raises:
        Unprocessable: something is missing that it needs to be read.
    """
    given = {name: value for name, value in values.items() if value is not None}
    row = _row(shop)
    password = given.pop("password", None)
    if password and not unchanged(password):
        given["password"] = sealer.seal(password)
    new = _BLANK | (row or {}) | given
    for name in ("host", "username", "password"):
        if new["enabled"] and not new.get(name):
            raise wrong_field(name, "is required.")
    place = ("host", "username", "folder")
    if row is None or any(new[name] != row[name] for name in place):
        given |= {"validity": None, "last_uid": None}
    given |= {"due_at": shop.now, "problem": None}
    if row is None:
        shop.insert("mailbox", _BLANK | given)
    else:
        shop.change("mailbox", row["id"], given)
    return shown(shop)


def due(shop: Shop) -> bool:
    """Tell whether the mailbox is to be looked at now."""
    row = _row(shop)
    return row is not None and row["enabled"] and row["due_at"] <= shop.now


def begin(shop: Shop, sealer: Sealer) -> tuple[Mailbox, Position | None] | None:
    """Take the mailbox in hand: the next look is due later, on whichever node.

    Returns:
        How to reach it and up to where it was read; ``None`` when another node was faster.

    Raises:
        Invalid: its password was sealed with a key that is gone.
    """
    found = _row(shop)
    row = found and shop.lock("mailbox", found["id"])
    if not row or not row["enabled"] or row["due_at"] > shop.now:
        return None
    shop.change("mailbox", row["id"], {"due_at": shop.now + _INTERVAL})
    how = {name: row[name] for name in ("host", "port", "encryption", "username", "folder")}
    return Mailbox(**how, password=sealer.open(row["password"])), _position(row)


def start(shop: Shop, position: Position) -> None:
    """Note from where on the mailbox is read."""
    row = _row(shop)
    if row is not None and _position(row) != position:
        _move(shop, row, position)


def take(shop: Shop, letter: Letter) -> None:
    """Keep a letter, once, in its thread."""
    found = _row(shop)
    row = found and shop.lock("mailbox", found["id"])
    read = row and _position(row)
    # Another node, or another mailbox by now.
    if not row or not read or read.validity != letter.position.validity:
        return
    if letter.position.last > read.last:
        _keep(shop, letter)
        _move(shop, row, letter.position)


def skip(shop: Shop, letter: Letter) -> None:
    """Go on behind a letter that could not be kept, and say so."""
    _tell(shop, "A letter could not be read. It is still in the mailbox.")
    row = _row(shop)
    if row is not None:
        _move(shop, row, letter.position)


def settle(shop: Shop, problem: str) -> None:
    """Note how a look ended; whoever runs the garage hears of the first that failed."""
    row = _row(shop)
    if row is None:
        return
    values: Values = {"checked_at": shop.now, "problem": problem[:255] or None}
    if problem:
        values["due_at"] = shop.now + _AFTER_FAILURE
        if not row["problem"]:
            _tell(shop, problem)
    shop.change("mailbox", row["id"], values)


def _keep(shop: Shop, letter: Letter) -> None:
    if letter.data is None:
        size = LARGEST // (1024 * 1024)
        _tell(shop, f"A letter of more than {size} MB was left out. It is still in the mailbox.")
        return
    try:
        note_received(shop, letter.data)
    except Invalid:
        _tell(shop, "A letter that names no sender was left out. It is still in the mailbox.")


def _tell(shop: Shop, text: str) -> None:
    notify_admins(shop, "mailbox_trouble", "The mailbox", text)


def _row(shop: Shop) -> Values | None:
    return next(iter(shop.where("mailbox")), None)


def _position(row: Values) -> Position | None:
    if row["validity"] is None:
        return None
    return Position(row["validity"], row["last_uid"])


def _move(shop: Shop, row: Values, position: Position) -> None:
    place = {"validity": position.validity, "last_uid": position.last}
    shop.change("mailbox", row["id"], place)
