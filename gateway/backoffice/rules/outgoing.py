"""Mail that a transaction promises: queued in it, sent after it, tried again when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formataddr, make_msgid
from html.parser import HTMLParser

from typing_extensions import override

from gateway.backoffice.outside import MailServer
from gateway.backoffice.records import File
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.unsubscribing import wants_mail
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop, Values

#: Attempts before a letter is given up; the pauses double from one minute, a day in all.
MOST_ATTEMPTS = 11
FIRST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Account:
    """How somebody's mail goes out.

    Attributes:
        server: that takes it.
        name: in front of the address.
        address: sender.
    """

    server: MailServer
    name: str
    address: str


def queue_mail(
    shop: Shop, recipient: str, subject: str, body_html: str, attachment: File | None = None
) -> int:
    """Promise a letter; it goes out once the transaction is committed.

    Whoever wants no letters gets none: theirs is kept, and says why it did not go.
    """
    row: Values = {"recipient": recipient, "subject": one_line(subject), "body_html": body_html}
    if attachment is not None:
        row |= {"attachment_name": attachment.name, "attachment": attachment.data}
    state: Values = {"state": "waiting"}
    if not wants_mail(shop, recipient):
        state = {"state": "failed", "error": "The recipient has unsubscribed from letters."}
    return shop.insert("outgoing_mail", row | state | {"due_at": shop.now})


def waiting_mail(shop: Shop) -> int:
    """Return how many letters are due."""
    return _waiting(shop, "outgoing_mail")


def due_mail(shop: Shop) -> list[Values]:
    """Take letters in hand: they are not due again before their next pause has passed."""
    return _due(shop, "outgoing_mail")


def settle_mail(shop: Shop, mail_id: int, error: str | None) -> bool:
    """Note how an attempt ended; tell whether the letter was given up."""
    return _settle(shop, "outgoing_mail", mail_id, error)


def waiting_webhooks(shop: Shop) -> int:
    """Return how many calls are due."""
    return _waiting(shop, "outgoing_webhook")


def due_webhooks(shop: Shop) -> list[Values]:
    """Take calls in hand, as letters are."""
    return _due(shop, "outgoing_webhook")


def settle_webhook(shop: Shop, hook_id: int, error: str | None) -> bool:
    """Note how an attempt ended; tell whether the call was given up."""
    return _settle(shop, "outgoing_webhook", hook_id, error)


def _waiting(shop: Shop, noun: str) -> int:
    table = shop.tables[noun]
    return shop.count(noun, table.c.due_at <= shop.now, state="waiting")


def _due(shop: Shop, noun: str, limit: int = 20) -> list[Values]:
    table = shop.tables[noun]
    waiting = shop.select(noun).where(table.c.state == "waiting", table.c.due_at <= shop.now)
    held = waiting.order_by(table.c.due_at).limit(limit).with_for_update(skip_locked=True)
    rows = shop.rows(held)
    for row in rows:
        pause = FIRST_PAUSE * 2 ** row["attempts"]
        change = {"attempts": row["attempts"] + 1, "due_at": shop.now + pause}
        shop.change(noun, row["id"], change)
    return rows


def _settle(shop: Shop, noun: str, row_id: int, error: str | None) -> bool:
    row = shop.get(noun, row_id)
    if error is None:
        shop.change(noun, row_id, {"state": "sent", "error": None})
        return False
    given_up = bool(row["attempts"] >= MOST_ATTEMPTS)
    state = "failed" if given_up else "waiting"
    shop.change(noun, row_id, {"state": state, "error": error[:255]})
    return given_up


def account_of(shop: Shop, sealer: Sealer, user_id: int | None = None) -> Account:
    """Return how mail goes out: by the user's own account, else the garage's, else Mailpit.

    Raises:
        Invalid: none of them is set up.
    """
    own = user_id and shop.find("mail_setting", user_id=user_id, provider="smtp", is_default=True)
    if own and own["smtp_host"] and own["email_address"]:
        return own_account(sealer, own)
    garage = next(iter(shop.where("mail_server")), None)
    if garage is not None:
        password = sealer.open(garage["password"]) if garage["password"] else ""
        place = garage["host"], garage["port"], garage["encryption"]
        server = MailServer(*place, garage["username"] if password else "", password)
        return Account(server, garage["from_name"], garage["from_address"] or garage["username"])
    mailpit = shop.find("integration", slug="mailpit", is_enabled=True)
    if mailpit is not None:
        config: Mapping[str, object] = mailpit["config"]
        server = MailServer(str(config["host"]), int(str(config["smtp_port"])), "none")
        return Account(server, "", "garage@localhost")
    raise broken_rule("No mail server is set up. Enter one at /v1/email/config.")


def own_account(sealer: Sealer, setting: Values) -> Account:
    """Return the account that an employee set up."""
    password = sealer.open(setting["smtp_password"]) if setting["smtp_password"] else ""
    server = MailServer(
        setting["smtp_host"],
        setting["smtp_port"] or 587,
        setting["smtp_encryption"] or "tls",
        (setting["smtp_username"] or "") if password else "",
        password,
    )
    return Account(server, setting["display_name"] or "", setting["email_address"])


def compose(
    account: Account, recipient: str, subject: str, body_html: str, attachment: File | None = None
) -> EmailMessage:
    """Return a letter with a plain-text part beside the HTML."""
    message = EmailMessage()
    message["Subject"] = one_line(subject)
    message["From"] = formataddr((one_line(account.name), account.address))
    message["To"] = recipient
    message["Message-ID"] = make_msgid(domain=account.address.rpartition("@")[2] or "localhost")
    message.set_content(plain_text(body_html) or " ")
    message.add_alternative(body_html, subtype="html")
    if attachment is not None:
        main, _, sub = attachment.media.partition("/")
        message.add_attachment(
            attachment.data, maintype=main, subtype=sub, filename=attachment.name
        )
    return message


def one_line(text: str) -> str:
    """Return ``text`` as a header takes it: a line break in one would begin another."""
    return " ".join(text.split())[:255]


@dataclass
class _Words:
    parts: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects what people read of HTML."""

    def __init__(self, words: _Words) -> None:
        super().__init__()
        self._words = words

    @override
    def handle_data(self, data: str) -> None:
        self._words.parts.append(data)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"br", "p", "div", "li", "tr", "h1", "h2", "h3"}:
            self._words.parts.append("\n")


def plain_text(body_html: str) -> str:
    """Return the text of HTML."""
    words = _Words()
    reader = _Reader(words)
    reader.feed(body_html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return "\n".join(line for line in lines if line)
