"""The settings themselves: defaults that run embedded on one machine, units in the words.

A group is a frozen dataclass; ``Attributes`` documents every field with its unit and the reason
for its default. Limits that a single field can state are part of its type and checked when it is
read; rules between fields are in ``problems`` of the group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from gateway.config.cluster import BusSettings, NodeSettings
from gateway.config.database import DatabaseSettings
from gateway.config.doors import DoorSettings
from gateway.config.files import FileSettings
from gateway.config.jobs import JobSettings
from gateway.config.kinds import Count, Port, Seconds, Secret
from gateway.config.link import LinkSettings
from gateway.config.local import LocalSettings
from gateway.config.messaging import ChatSettings, MailSettings
from gateway.config.outside import OutsideSettings
from gateway.config.reach import origin_problems, pair_problems
from gateway.config.recording import DecodingSettings, RecordingSettings
from gateway.config.unattended import UnattendedSettings


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where this installation keeps its files.

    Attributes:
        directory: folder for the embedded database, recordings and the generated key; made with
            mode 0700 when it does not exist. Relative to the working directory.
    """

    directory: Path = Path("data")


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
        allowed_origins: origins of portals served from elsewhere (``https://portal.example``),
            whose scripts browsers let in; ``*`` for any.
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
    allowed_origins: tuple[str, ...] = ()
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
        yield from pair_problems("http", self.certificate, self.private_key)
        yield from origin_problems(self.allowed_origins)
        if self.websocket_ping >= self.read_timeout:
            yield "http.websocket_ping must be shorter than http.read_timeout, or watchers are cut"


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Who may get in, and for how long.

    Attributes:
        key: Fernet key (32 bytes, URL-safe base64) that encrypts signing keys at rest. Not set:
            one is made once and kept in ``data.directory`` with mode 0600.
        old_keys: what ``key`` was before, newest first: they open what they sealed, and seal
            nothing. A start seals the garages' secrets anew, after which they may go in time.
        issuer: ``iss`` of the tokens.
        access_token_lifetime: seconds a customer's access token is good for.
        operator_token_lifetime: seconds an operator's access token is good for.
        refresh_token_lifetime: seconds a refresh token is good for; each use replaces it.
        signing_key_lifetime: seconds until a new signing key takes over.
        otp_lifetime: seconds a one-time code is good for (OWASP ASVS: at most 600).
        connector_key_grace: seconds the old device key stays good after a rotation.
        password_reset_lifetime: seconds a mailed link to choose a password is good for.
        pincode_digits: length of generated pincodes.
        hash_time_cost: argon2id passes.
        hash_memory_kib: argon2id memory, KiB. OWASP's floor is 19 456 with two passes.
        hash_parallelism: argon2id lanes.
        attempts_per_subject: failed sign-ins for one connector or user from one network before
            it is locked for that network; the lock doubles with each further failure.
        attempts_per_account: failed sign-ins for one connector or user from all networks
            together before it is locked for everybody. Much higher: whoever knows a connector's
            number could otherwise keep its owner out.
        attempts_per_address: failed sign-ins from one network address before it is locked out.
        attempts_overall: failed sign-ins altogether within a minute before all of them wait.
        lockout_first: seconds of the first lock-out.
        lockout_longest: seconds the growing lock-out stops at.
    """

    key: Secret | None = None
    old_keys: tuple[Secret, ...] = ()
    issuer: str = "diagnostic-gateway"
    access_token_lifetime: Seconds = 900.0
    operator_token_lifetime: Seconds = 3_600.0
    refresh_token_lifetime: Seconds = 30 * 86_400.0
    signing_key_lifetime: Seconds = 90 * 86_400.0
    otp_lifetime: Annotated[float, Meta(gt=0, le=600)] = 600.0
    connector_key_grace: Annotated[float, Meta(ge=0)] = 7 * 86_400.0
    password_reset_lifetime: Seconds = 3_600.0
    pincode_digits: Annotated[int, Meta(ge=4, le=12)] = 6
    hash_time_cost: Count = 2
    hash_memory_kib: Annotated[int, Meta(ge=8)] = 19_456
    hash_parallelism: Count = 1
    attempts_per_subject: Count = 5
    attempts_per_account: Count = 100
    attempts_per_address: Count = 20
    attempts_overall: Count = 300
    lockout_first: Seconds = 30.0
    lockout_longest: Seconds = 3_600.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.lockout_longest < self.lockout_first:
            yield "security.lockout_longest must not be shorter than security.lockout_first"
        if self.attempts_per_account < self.attempts_per_subject:
            yield (
                "security.attempts_per_account must not be smaller than "
                "security.attempts_per_subject"
            )
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
        max_request_bytes: largest UDS request; 4095 is what ISO-TP carries to any ECU, 262143 to
            one that knows the escape form of first frames (ISO 15765-2, 12-bit length of a first
            frame).
        exchange_limit: seconds an exchange may take altogether, pending answers included.
        tester_present_grace: seconds tester present goes on at the connector after the link
            is lost, before the vehicle gets its default session back.
        lease_idle: seconds without a request after which a session loses its lease.
        take_over_notice: seconds a session has before another one takes its lease over.
    """

    lifetime: Seconds = 14_400.0
    idle: Seconds = 3_600.0
    max_per_operator: Count = 256
    max_request_bytes: Annotated[int, Meta(ge=7)] = 4_095
    exchange_limit: Seconds = 60.0
    tester_present_grace: Seconds = 30.0
    lease_idle: Seconds = 900.0
    take_over_notice: Annotated[float, Meta(ge=0)] = 30.0

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
        message_queue: messages, updates aside, that wait for one slow websocket; when full, it is
            heard more slowly.
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
        requests_per_second: of one client, in the long run.
        burst: requests of one client at once.
        requests_per_day: of one client.
        update_interval: seconds between a connector's updates by websocket.
        heartbeat: seconds between two signs of life on a websocket.
        max_subscriptions: subscriptions of one websocket.
    """

    page_default: Annotated[int, Meta(ge=0)] = 25
    page_limit: Count = 1_000
    requests_per_second: Annotated[float, Meta(gt=0)] = 5.0
    burst: Count = 10
    requests_per_day: Count = 50_000
    update_interval: Seconds = 5.0
    heartbeat: Seconds = 30.0
    max_subscriptions: Count = 100

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
        mail: the server that takes our letters.
        files: attachments of chats and notes.
        jobs: transfer jobs and their images.
        doors: ports for operators' own diagnostic tools.
        recording: recordings of sessions.
        decoding: names and units for what is exchanged.
        chat: messages between garages and operators.
        unattended: services that need no operator.
        outside: other people's services.
        bus: what nodes tell each other.
        node: this gateway among several.
        log: what is written to standard error.
    """

    data: DataSettings = DataSettings()
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    http: HttpSettings = HttpSettings()
    link: LinkSettings = field(default_factory=LinkSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    security: SecuritySettings = SecuritySettings()
    sessions: SessionSettings = SessionSettings()
    customer_api: CustomerApiSettings = CustomerApiSettings()
    partner_api: PartnerApiSettings = PartnerApiSettings()
    tickets: TicketSettings = field(default_factory=TicketSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    files: FileSettings = field(default_factory=FileSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    doors: DoorSettings = field(default_factory=DoorSettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    chat: ChatSettings = field(default_factory=ChatSettings)
    unattended: UnattendedSettings = field(default_factory=UnattendedSettings)
    outside: OutsideSettings = field(default_factory=OutsideSettings)
    bus: BusSettings = field(default_factory=BusSettings)
    node: NodeSettings = field(default_factory=NodeSettings)
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
            self.database,
            self.http,
            self.link,
            self.local,
            self.security,
            self.sessions,
            self.customer_api,
            self.partner_api,
            self.tickets,
            self.mail,
            self.files,
            self.recording,
            self.doors,
            self.chat,
            self.outside,
            self.bus,
            self.node,
        ):
            yield from section.problems()
        if self.http.port and (self.http.host, self.http.port) == (self.link.host, self.link.port):
            yield f"http.port and link.port are both {self.http.port}: one socket, one door"
