"""Employees: users of the garage, let in by an invitation, limited by the licence.

``identity`` owns the table of users; this module is where the back office changes it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from html import escape

from sqlalchemy import Connection, insert, update

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.licences import user_limit
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.storage.tables.identity import api_token, shop_user

#: No hash of any password: nobody comes in before they chose one.
NO_PASSWORD = "-"  # noqa: S105 - it is the absence of one

#: How long an invitation stands.
INVITED_FOR = timedelta(days=7)

_DONE = frozenset({"completed", "picked_up", "cancelled"})


def create(shop: Shop, values: Values) -> int:
    """Add an employee and mail an invitation to choose a password.

    Raises:
        Invalid: the licence has no room, or somebody has the email address.
    """
    _check_room(shop)
    email = str(values["email"]).strip().lower()
    _check_email(shop, email, None)
    row = {
        "tenant_id": shop.tenant_id,
        "name": values["name"],
        "email": email,
        "role": values["role"],
        "password_hash": NO_PASSWORD,
        "enabled": True,
        "created_at": shop.now,
    }
    result = shop.connection.execute(insert(shop_user).values(**row).returning(shop_user.c.id))
    user_id = int(result.scalar_one())
    _employ(shop, user_id, values)
    _invite(shop, user_id, email, values["name"])
    return user_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change an employee; one who is switched off loses their tokens at once.

    Raises:
        Invalid: the licence has no room, or the last owner would be gone.
    """
    columns: Values = {name: values[name] for name in ("name", "email", "role") if name in values}
    if "email" in columns:
        columns["email"] = str(columns["email"]).strip().lower()
        _check_email(shop, columns["email"], row["id"])
    if "enabled" in values and bool(row["enabled"]) != values["enabled"]:
        if values["enabled"]:
            _check_room(shop)
        columns["enabled"] = values["enabled"]
    if columns.get("role", "owner") != "owner" or columns.get("enabled") is False:
        _check_owner(shop, row)
    if columns:
        mine = (shop_user.c.id == row["id"], shop_user.c.tenant_id == shop.tenant_id)
        shop.connection.execute(update(shop_user).where(*mine).values(**columns))
    if columns.get("enabled") is False:
        _revoke_tokens(shop, row["id"])
    _employ(shop, row["id"], values)


def remove(shop: Shop, row: Values) -> None:
    """Switch an employee off for good; documents keep naming them.

    Raises:
        Invalid: open orders are assigned to them, or they are the last owner.
    """
    _check_owner(shop, row)
    orders = shop.where("work_order", assigned_to=row["id"])
    waiting = [order["ticket_no"] for order in orders if order["status"] not in _DONE]
    if waiting:
        raise broken_rule(f"Assign these to somebody else first: {', '.join(waiting)}.")
    mine = (shop_user.c.id == row["id"], shop_user.c.tenant_id == shop.tenant_id)
    # The address is free again for whoever comes next.
    gone = {"enabled": False, "email": f"removed-{row['id']}@{shop.tenant_id}.invalid"}
    shop.connection.execute(update(shop_user).where(*mine).values(**gone))
    _revoke_tokens(shop, row["id"])


def find_invitation(connection: Connection, tables: Tables, digested: str) -> Values | None:
    """Return an invitation of any garage: who holds it has no token that names theirs yet."""
    table = tables["invitation"]
    row = connection.execute(table.select().where(table.c.digest == digested)).mappings().first()
    return None if row is None else dict(row)


def accept_invitation(shop: Shop, invitation: Values, password_hash: str) -> None:
    """Store the password that an invited employee chose; an invitation serves once.

    Raises:
        Invalid: it was used meanwhile.
    """
    row = shop.lock("invitation", invitation["id"])
    if row["used_at"] is not None or row["expires_at"] < shop.now:
        raise broken_rule("This invitation is used or too old. Ask for a new one.")
    shop.change("invitation", row["id"], {"used_at": shop.now})
    mine = (shop_user.c.id == row["user_id"], shop_user.c.tenant_id == shop.tenant_id)
    change_hash = update(shop_user).where(*mine).values(password_hash=password_hash)
    shop.connection.execute(change_hash)


def digest(token: str) -> str:
    """Return what is kept of an invitation."""
    return hashlib.sha256(token.encode()).hexdigest()


def _invite(shop: Shop, user_id: int, email: str, name: str) -> None:
    token = secrets.token_urlsafe(32)
    row = {"user_id": user_id, "digest": digest(token), "expires_at": shop.now + INVITED_FOR}
    shop.insert("invitation", row)
    text = (
        f"<p>Dear {escape(name)},</p><p>Choose your password with this invitation, within "
        f"{INVITED_FOR.days} days: <code>{token}</code></p>"
    )
    queue_mail(shop, email, "Your invitation", text)


def _employ(shop: Shop, user_id: int, values: Values) -> None:
    if "branch_id" not in values:
        return
    branch_id = values["branch_id"]
    if branch_id is not None and shop.find("branch", id=branch_id) is None:
        raise wrong_field("branch_id", "is invalid.")
    present = shop.find("employment", user_id=user_id)
    if present is None:
        shop.insert("employment", {"user_id": user_id, "branch_id": branch_id})
    else:
        shop.change("employment", present["id"], {"branch_id": branch_id})


def _check_room(shop: Shop) -> None:
    limit = user_limit(shop)
    active = shop.count("shop_user", enabled=True)
    if limit is not None and active >= limit:
        raise broken_rule(f"The licence is for {limit} users. Upgrade it, or switch somebody off.")


def _check_email(shop: Shop, email: str, own_id: int | None) -> None:
    # Unique over all garages: it is what people sign in with.
    holder = shop.connection.execute(
        shop_user.select().with_only_columns(shop_user.c.id).where(shop_user.c.email == email)
    ).scalar()
    if holder is not None and holder != own_id:
        raise wrong_field("email", "has already been taken.")


def _check_owner(shop: Shop, row: Values) -> None:
    owners = shop.count("shop_user", role="owner", enabled=True)
    if row["role"] == "owner" and row["enabled"] and owners == 1:
        raise broken_rule("This is the last owner. Make somebody else an owner first.")


def _revoke_tokens(shop: Shop, user_id: int) -> None:
    theirs = (api_token.c.shop_user_id == user_id, api_token.c.tenant_id == shop.tenant_id)
    shop.connection.execute(
        update(api_token)
        .where(*theirs, api_token.c.revoked_at.is_(None))
        .values(revoked_at=shop.now)
    )
