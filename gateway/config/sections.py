"""The settings themselves: defaults that run embedded on one machine, units in the words.

A group is a frozen dataclass; ``Attributes`` documents every field with its unit and the reason
for its default. Limits that a single field can state are part of its type and checked when it is
read; rules between fields are in ``problems`` of the group.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from gateway.config.kinds import Count, Port, Seconds, Secret
from gateway.config.local import LocalSettings


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where this installation keeps its files.

    Attributes:
        directory: folder for the embedded database, recordings and the generated key; made with
            mode 0700 when it does not exist. Relative to the working directory.
    """

    directory: Path = Path("data")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """The database.

    Attributes:
        url: SQLAlchemy address, a secret because it may hold a password. Not set: SQLite in
            ``data.directory``.
        threads: queries that may run at once, and PostgreSQL's pool size. More than 8 gains
            nothing on SQLite.
    """

    url: Secret | None = None
    threads: Count = 8


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The port for REST, customer and operator websockets.

    Attributes:
        host: address to listen on; loopback by default, so that nothing is exposed by accident.
        port: TCP port; 0 takes a free one and the ready line names it.
        certificate: PEM file with the server's certificate chain; TLS when set.
        private_key: PEM file with the certificate's key.
        public_url: how clients reach this server when a proxy stands in front; empty means the
            bound address.
        trusted_proxies: proxies in front that append to ``X-Forwarded-For``; 0 ignores the header.
        max_body_bytes: largest request body; larger answers 413.
        max_header_bytes: largest request head.
        max_message_bytes: largest websocket message from a client.
        max_connections: connections at once; the next one is closed unanswered. Watch the
            process's limit of open files.
        keep_alive: seconds an idle connection stays open.
        read_timeout: seconds without a byte from the peer until its connection ends; longer
            than a websocket ping interval, so that a silent watcher stays.
        websocket_ping: seconds between pings on websockets; a dead peer is noticed by then.
        send_timeout: seconds a peer may take to read what is sent before it is cut.
        drain: seconds that running requests and websockets get at shutdown.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    certificate: Path | None = None
    private_key: Path | None = None
    public_url: str = ""
    trusted_proxies: Annotated[int, Meta(ge=0)] = 0
    max_body_bytes: Count = 1 << 20
    max_header_bytes: Annotated[int, Meta(ge=4096)] = 1 << 16
    max_message_bytes: Count = 1 << 20
    max_connections: Count = 10_000
    keep_alive: Seconds = 15.0
    read_timeout: Seconds = 75.0
    websocket_ping: Seconds = 20.0
    send_timeout: Seconds = 20.0
    drain: Seconds = 10.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        yield from _pair_problems("http", self.certificate, self.private_key)
        if self.websocket_ping >= self.read_timeout:
            yield "http.websocket_ping must be shorter than http.read_timeout, or watchers are cut"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """The port that connectors dial in to.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        certificate: PEM file with the certificate chain; TLS when set.
        private_key: PEM file with the certificate's key.
        client_ca: PEM file of the authority whose client certificates name a connector's UUID,
            as the other way for a connector to prove itself.
        tls_elsewhere: a balancer in front ends TLS; allows plain text beyond loopback.
        ping_interval: seconds between pings while a session is open; three silent ones are the
            end of a connection, and then the grace before the vehicle's safe state begins.
        idle_ping_interval: seconds between pings otherwise. A ping costs a quarter of a
            millisecond (measured), and little else is done for idle connectors: at 25, ten
            thousand of them take a tenth of a core. The strictest mobile networks forget a
            connection that was silent for 30.
        resume_window: seconds in which a lost link may come back without losing anything.
        max_connectors: links at once; the next one is told to retry later.
        max_handshakes: connections at once between accept and welcome: at the accepted rate each
            may take two seconds, as over a bad mobile network. The next one is told to retry.
        accept_rate: connections taken in per second, so that a returning fleet of ten thousand
            is back in 20 s and leaves room for those who work. The others are told when to retry.
        flap_limit: new links of one connector within ``flap_window`` that are fine. One that
            begins anew more often gets growing pauses; resumed links do not count.
        flap_window: seconds; also how long a connector must stay to be cleared.
        retry_after: seconds an overloaded gateway asks a connector to wait, before jitter.
        unacknowledged: messages kept for resuming, per link; when full, senders wait.
        frame_flush_ms: longest wait of a raw frame for its batch at the connector,
            milliseconds. Less makes many small batches of a quiet bus; a full one goes anyway.
    """

    host: str = "127.0.0.1"
    port: Port = 8443
    certificate: Path | None = None
    private_key: Path | None = None
    client_ca: Path | None = None
    tls_elsewhere: bool = False
    ping_interval: Seconds = 5.0
    idle_ping_interval: Seconds = 25.0
    resume_window: Seconds = 60.0
    max_connectors: Count = 10_000
    max_handshakes: Count = 1_000
    accept_rate: Count = 500
    flap_limit: Count = 5
    flap_window: Seconds = 60.0
    retry_after: Seconds = 10.0
    unacknowledged: Count = 256
    frame_flush_ms: Annotated[int, Meta(ge=1, le=20)] = 10

    @property
    def is_plain_on_loopback(self) -> bool:
        """This machine's own connectors can use the port without a certificate's name."""
        return self.certificate is None and _is_loopback(self.host)

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        yield from _pair_problems("link", self.certificate, self.private_key)
        if self.client_ca is not None and self.certificate is None:
            yield "link.client_ca needs link.certificate: client certificates exist in TLS only"
        if self.idle_ping_interval < self.ping_interval:
            yield (
                f"link.idle_ping_interval {self.idle_ping_interval:g} is below "
                f"link.ping_interval {self.ping_interval:g}: idle links need fewer pings"
            )
        open_text = self.certificate is None and not self.tls_elsewhere
        if open_text and not _is_loopback(self.host):
            yield (
                f"link.host {self.host!r} is beyond loopback without TLS: set link.certificate "
                "and link.private_key, or link.tls_elsewhere behind a balancer that ends TLS"
            )


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Who may get in, and for how long.

    Attributes:
        key: Fernet key (32 bytes, URL-safe base64) that encrypts signing keys at rest. Not set:
            one is made once and kept in ``data.directory`` with mode 0600.
        issuer: ``iss`` of the tokens.
        access_token_lifetime: seconds a customer's access token is good for.
        operator_token_lifetime: seconds an operator's access token is good for.
        refresh_token_lifetime: seconds a refresh token is good for; each use replaces it.
        signing_key_lifetime: seconds until a new signing key takes over.
        otp_lifetime: seconds a one-time code is good for (OWASP ASVS: at most 600).
        connector_key_grace: seconds the old device key stays good after a rotation.
        pincode_digits: length of generated pincodes.
        hash_time_cost: argon2id passes.
        hash_memory_kib: argon2id memory, KiB. OWASP's floor is 19 456 with two passes.
        hash_parallelism: argon2id lanes.
        attempts_per_subject: failed sign-ins for one connector, user or client before it is
            locked out; the lock doubles with each further failure.
        attempts_per_address: failed sign-ins from one network address before it is locked out.
        attempts_overall: failed sign-ins altogether within a minute before all of them wait.
        lockout_first: seconds of the first lock-out.
        lockout_longest: seconds the growing lock-out stops at.
    """

    key: Secret | None = None
    issuer: str = "diagnostic-gateway"
    access_token_lifetime: Seconds = 900.0
    operator_token_lifetime: Seconds = 3_600.0
    refresh_token_lifetime: Seconds = 30 * 86_400.0
    signing_key_lifetime: Seconds = 90 * 86_400.0
    otp_lifetime: Annotated[float, Meta(gt=0, le=600)] = 600.0
    connector_key_grace: Annotated[float, Meta(ge=0)] = 7 * 86_400.0
    pincode_digits: Annotated[int, Meta(ge=4, le=12)] = 6
    hash_time_cost: Count = 2
    hash_memory_kib: Annotated[int, Meta(ge=8)] = 19_456
    hash_parallelism: Count = 1
    attempts_per_subject: Count = 5
    attempts_per_address: Count = 20
    attempts_overall: Count = 300
    lockout_first: Seconds = 30.0
    lockout_longest: Seconds = 3_600.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.lockout_longest < self.lockout_first:
            yield "security.lockout_longest must not be shorter than security.lockout_first"
        if self.refresh_token_lifetime < self.access_token_lifetime:
            yield (
                "security.refresh_token_lifetime must not be shorter than "
                "security.access_token_lifetime"
            )


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Live diagnostics.

    Attributes:
        lifetime: seconds after which a session ends whatever happens.
        idle: seconds without a request after which a session ends.
        max_per_operator: sessions one operator may hold at once.
        max_request_bytes: largest UDS request; 4095 is what classic ISO-TP carries
            (ISO 15765-2, 12-bit length of a first frame).
        exchange_limit: seconds an exchange may take altogether, pending answers included.
        tester_present_grace: seconds tester present goes on at the connector after the link
            is lost, before the vehicle gets its default session back.
    """

    lifetime: Seconds = 14_400.0
    idle: Seconds = 3_600.0
    max_per_operator: Count = 256
    max_request_bytes: Annotated[int, Meta(ge=7)] = 4_095
    exchange_limit: Seconds = 60.0
    tester_present_grace: Seconds = 30.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.idle > self.lifetime:
            yield "sessions.idle must not be longer than sessions.lifetime"


@dataclass(frozen=True, slots=True)
class CustomerApiSettings:
    """The customer portal's REST API and websocket.

    Attributes:
        page_default: items per page when a request names none.
        page_limit: most items a request may ask for.
        update_interval: seconds between websocket updates when nothing changes.
        max_subscriptions: subscriptions of one websocket.
        message_queue: messages waiting for one slow websocket; when full, it is closed.
    """

    page_default: Annotated[int, Meta(ge=0)] = 25
    page_limit: Count = 200
    update_interval: Seconds = 5.0
    max_subscriptions: Count = 100
    message_queue: Count = 64

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.page_default > self.page_limit:
            yield "customer_api.page_default must not exceed customer_api.page_limit"


@dataclass(frozen=True, slots=True)
class PartnerApiSettings:
    """The API for service providers.

    Attributes:
        page_default: items per page when a request names none.
        page_limit: most items a request may ask for.
    """

    page_default: Annotated[int, Meta(ge=0)] = 25
    page_limit: Count = 1_000

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.page_default > self.page_limit:
            yield "partner_api.page_default must not exceed partner_api.page_limit"


#: The product's own states, as domain/ticket.py names them, with the customer API's numbers.
TICKET_NUMBERS = {
    "prepared": 0,
    "pending": 1,
    "in_progress": 2,
    "outsourced": 3,
    "cancelled": 6,
    "closed": 7,
}

TICKET_NAMES = {state: state.replace("_", " ").capitalize() for state in TICKET_NUMBERS}


@dataclass(frozen=True, slots=True)
class TicketSettings:
    """How ticket states look from outside; only 1 and 7 are known from elsewhere.

    Attributes:
        numbers: product state -> number in the customer API; a partial table changes those only.
        names: product state -> text for people; likewise.
    """

    numbers: dict[str, int] = field(default_factory=lambda: dict(TICKET_NUMBERS))
    names: dict[str, str] = field(default_factory=lambda: dict(TICKET_NAMES))

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", TICKET_NUMBERS | self.numbers)
        object.__setattr__(self, "names", TICKET_NAMES | self.names)

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        for setting, table in (("numbers", self.numbers), ("names", self.names)):
            for state in sorted(table.keys() - TICKET_NUMBERS.keys()):
                known = ", ".join(TICKET_NUMBERS)
                yield f"tickets.{setting}: unknown state {state!r}; the states are {known}"
        if len(set(self.numbers.values())) < len(self.numbers):
            yield "tickets.numbers: two states share a number"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error.

    Attributes:
        level: least severe line that is written.
        format: ``json`` for machines, ``console`` for people, ``auto`` by whether it is a
            terminal.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything; one field per section of the file.

    Attributes:
        data: files of this installation.
        database: where rows are kept.
        http: REST and websockets.
        link: the connectors' port.
        local: connectors of this machine.
        security: tokens, hashing, throttling.
        sessions: live diagnostics.
        customer_api: the customer portal's API.
        partner_api: the service providers' API.
        tickets: how ticket states look from outside.
        log: what is written to standard error.
    """

    data: DataSettings = DataSettings()
    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    link: LinkSettings = LinkSettings()
    local: LocalSettings = field(default_factory=LocalSettings)
    security: SecuritySettings = SecuritySettings()
    sessions: SessionSettings = SessionSettings()
    customer_api: CustomerApiSettings = CustomerApiSettings()
    partner_api: PartnerApiSettings = PartnerApiSettings()
    tickets: TicketSettings = field(default_factory=TicketSettings)
    log: LogSettings = LogSettings()

    @property
    def database_url(self) -> str:
        """The database's address, embedded unless one is set."""
        if self.database.url is not None:
            return self.database.url.reveal()
        return f"sqlite:///{self.data.directory.absolute()}/gateway.db"

    def problems(self) -> Iterator[str]:
        """Yield every contradiction within and between the sections."""
        for section in (
            self.http,
            self.link,
            self.local,
            self.security,
            self.sessions,
            self.customer_api,
            self.partner_api,
            self.tickets,
        ):
            yield from section.problems()
        if self.http.port and (self.http.host, self.http.port) == (self.link.host, self.link.port):
            yield f"http.port and link.port are both {self.http.port}: one socket, one door"


def _pair_problems(section: str, certificate: Path | None, key: Path | None) -> Iterator[str]:
    if (certificate is None) != (key is None):
        missing = "private_key" if key is None else "certificate"
        yield f"{section}.{missing} is missing: TLS needs certificate and private_key"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
