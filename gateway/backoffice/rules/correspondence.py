"""E-mail with customers: threads, templates, the garage's server.

A message joins the thread of the one it answers, else that of the same customer and subject.
HTML is cleaned before it goes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import parseaddr
from hashlib import sha256
from html import escape

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.outgoing import one_line
from gateway.backoffice.rules.wording import check_text, fill, words_of
from gateway.backoffice.sealing import Sealer, unchanged
from gateway.backoffice.shop import Shop, Values

#: Characters of a letter, and files of it, that are kept.
_LONGEST, _MOST_FILES = 60_000, 50

_PREFIX = re.compile(r"^((re|fwd?|aw|antw|doorst)\s*:\s*)+", re.IGNORECASE)


def clean(body_html: str) -> str:
    """Return HTML without scripts, styles that hide, and other people's trackers."""
    import nh3  # noqa: PLC0415 - slow to import

    return nh3.clean(body_html)


def prepare(shop: Shop, values: Values) -> tuple[str, str]:
    """Return subject and body of a letter; a template goes before the body.

    Raises:
        Unprocessable: there is no such template.
    """
    template_id = values.get("template_id")
    if template_id is None:
        return one_line(values["subject"]), clean(values["body_html"])
    row = shop.find("email_template", id=template_id)
    if row is None:
        raise wrong_field("template_id", "is invalid.")
    person = shop.find("customer", email=values["to"]) or {"id": None}
    words = words_of(shop, "customer", person)
    subject = fill(row["subject"], words)
    return one_line(subject), clean(fill(row["body_html"], words, html=True))


def note_sent(shop: Shop, message: EmailMessage, body_html: str) -> int:
    """Put a letter that went out into its thread; return the thread's id."""
    return _note(shop, message, "outbound", body_html)


def note_received(shop: Shop, data: bytes) -> int:
    """Put a letter that came in (RFC 5322) into its thread, once; return the thread's id.

    Its HTML is cleaned; plain text is shown as such. Of files only the names are kept.

    Raises:
        Invalid: it names no sender.
    """
    message = BytesParser(EmailMessage, policy=default).parsebytes(data)
    if not parseaddr(str(message["From"] or ""))[1]:
        raise broken_rule("This is no letter: it names no sender.")
    if not _message_id(message):
        # The same letter once more has the same name again.
        message["Message-ID"] = f"<{sha256(data).hexdigest()}@inbound.invalid>"
    known = shop.find("email_message", message_id=_message_id(message))
    if known is not None:
        return int(known["thread_id"])
    return _note(shop, message, "inbound", _shown(message), _files(message))


def _shown(message: EmailMessage) -> str:
    part = message.get_body(("html", "plain"))
    if part is None:
        return ""
    try:
        text = str(part.get_content())
    except (LookupError, ValueError):  # an unknown charset, or bytes that are not of it
        payload = part.get_payload(decode=True)
        text = payload.decode("latin-1") if isinstance(payload, bytes) else ""
    text = text.replace("\0", "")[:_LONGEST]
    html = part.get_content_subtype() == "html"
    return clean(text) if html else f"<pre>{escape(text)}</pre>"


def _files(message: EmailMessage) -> list[str]:
    parts = list(message.iter_attachments()) if message.is_multipart() else []
    return [one_line(part.get_filename() or "unnamed")[:255] for part in parts][:_MOST_FILES]


def _note(
    shop: Shop,
    message: EmailMessage,
    direction: str,
    body_html: str,
    files: list[str] | None = None,
) -> int:
    other = str(message["From" if direction == "inbound" else "To"])
    customer = shop.find("customer", email=parseaddr(other)[1].lower())
    subject = one_line(str(message["Subject"] or ""))[:255]
    customer_id = None if customer is None else int(customer["id"])
    thread = _thread(shop, message, customer_id, subject)
    last = {"last_message_at": shop.now, "direction": direction}
    if thread is None:
        head = {"subject": subject, "customer_id": customer_id}
        thread_id, count = shop.insert("email_thread", head | last), 0
    else:
        thread_id, count = int(thread["id"]), int(thread["message_count"])
    shop.insert(
        "email_message",
        {
            "thread_id": thread_id,
            "direction": direction,
            "body_html": body_html,
            "sent_at": shop.now,
            "sender": one_line(str(message["From"]))[:255],
            "recipients": [one_line(str(message["To"] or ""))],
            "message_id": _message_id(message),
            "attachments": files,
        },
    )
    shop.change("email_thread", thread_id, last | {"message_count": count + 1})
    return thread_id


def _message_id(message: EmailMessage) -> str:
    return str(message["Message-ID"] or "").strip()[:255]


def _thread(
    shop: Shop, message: EmailMessage, customer_id: int | None, subject: str
) -> Values | None:
    for reference in _references(message):
        known = shop.find("email_message", message_id=reference)
        if known is not None:
            return shop.get("email_thread", known["thread_id"])
    if customer_id is None:
        return None
    wanted = _bare(subject)
    threads = shop.where("email_thread", customer_id=customer_id)
    return next((one for one in reversed(threads) if _bare(one["subject"]) == wanted), None)


def _references(message: EmailMessage) -> Iterable[str]:
    yield from str(message["In-Reply-To"] or "").split()
    yield from reversed(str(message["References"] or "").split())


def _bare(subject: str) -> str:
    return _PREFIX.sub("", subject).strip().casefold()


def server(shop: Shop) -> Values:
    """Return the garage's mail server as the API shows it; its password is never part of it."""
    row = next(iter(shop.where("mail_server")), None) or {}
    return {
        "host": row.get("host") or "",
        "port": row.get("port") or 587,
        "encryption": row.get("encryption") or "tls",
        "username": row.get("username") or "",
        "from_name": row.get("from_name") or "",
        "from_address": row.get("from_address") or row.get("username") or "",
    }


def set_server(shop: Shop, sealer: Sealer, values: Values) -> Values:
    """Change the garage's mail server; a password that is left out stays."""
    values = {name: value for name, value in values.items() if value is not None}
    password = values.pop("password", None)
    if password and not unchanged(password):
        values["password"] = sealer.seal(password)
    row = next(iter(shop.where("mail_server")), None)
    if row is None:
        shop.insert("mail_server", values)
    else:
        shop.change("mail_server", row["id"], values)
    return server(shop)


def create_template(shop: Shop, values: Values) -> int:
    """Store a template; raises ``Unprocessable`` for unknown placeholders."""
    _check_template(values)
    return shop.insert("email_template", values)


def change_template(shop: Shop, row: Values, values: Values) -> None:
    """Change a template."""
    _check_template(row | values)
    if values:
        shop.change("email_template", row["id"], values)


def _check_template(values: Values) -> None:
    for name in ("subject", "body_html"):
        check_text(values[name], name)
