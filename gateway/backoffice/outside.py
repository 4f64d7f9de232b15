"""The one way out: other services over HTTP and mail over SMTP, and the cipher for their secrets.

Never called inside a transaction. Everything has a time limit; what may safely be asked again is
asked again; what fails leaves as :class:`Upstream`, without secrets in it.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import httpx2
import trio

from gateway.backoffice.refusal import Upstream, broken_rule
from gateway.backoffice.sealing import Sealer

#: Seconds for one attempt, and attempts at what changes nothing.
TIME_LIMIT = 10.0
ATTEMPTS = 3
FIRST_PAUSE = 0.2

#: Larger answers are somebody's mistake, or an attack on the memory.
MOST_BYTES = 4 * 1024 * 1024

#: SMTP runs in threads; more at once only helps those who send spam.
_SMTP_THREADS = 4

#: Where the services are; the configuration may name others (a proxy, a test server).
ADDRESSES: Mapping[str, str] = {
    "mollie": "https://api.mollie.com",
    "stripe": "https://api.stripe.com",
    "twilio": "https://api.twilio.com",
    "snelstart": "https://b2bapi.snelstart.nl",
    "snelstart_auth": "https://auth.snelstart.nl",
    "moneybird": "https://moneybird.com",
    "ups": "https://onlinetools.ups.com",
    "ups_test": "https://wwwcie.ups.com",
    "dhl": "https://api-gw.dhlparcel.nl",
    "openai": "https://api.openai.com",
    "outlook": "https://graph.microsoft.com",
    "outlook_auth": "https://login.microsoftonline.com",
    "google_workspace": "https://gmail.googleapis.com",
    "google_auth": "https://oauth2.googleapis.com",
    "postmark": "https://api.postmarkapp.com",
    "pdok": "https://api.pdok.nl/bzk/locatieserver/search/v3_1",
    "vies": "https://ec.europa.eu/taxation_customs/vies/rest-api",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answered.

    Attributes:
        status: HTTP status.
        document: the decoded JSON, ``None`` when it was none.
        data: the bytes.
    """

    status: int
    document: Any  # JSON by nature: each caller reads what the service documents
    data: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server that takes a garage's mail.

    Attributes:
        encryption: ``tls`` is STARTTLS, ``ssl`` is TLS from the start, ``none`` is neither.
    """

    host: str
    port: int
    encryption: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Private:
    """What is allowed although it is not public."""

    names: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    @classmethod
    def of(cls, given: Sequence[str]) -> _Private:
        names, networks = set(), []
        for one in given:
            try:
                networks.append(ipaddress.ip_network(one))
            except ValueError:
                names.add(one.lower())
        return cls(frozenset(names), tuple(networks))

    def holds(self, address: str) -> bool:
        """Tell whether an address lies in one of the networks."""
        found = ipaddress.ip_address(address)
        return any(found in network for network in self.networks)


class Outside:
    """Owns nothing between calls: a connection lives as long as its request.

    Args:
        sealer: for the secrets that go along.
        addresses: service -> address, instead of those of :data:`ADDRESSES`.
        private: hosts by name, and networks (``10.1.0.0/16``), that addresses which people typed
            in may lead to although they are not public.
        public_url: how services reach this gateway; empty where they cannot.

    Raises:
        ValueError: there is no such service.
    """

    def __init__(
        self,
        sealer: Sealer,
        addresses: Mapping[str, str] | None = None,
        *,
        private: Sequence[str] = (),
        public_url: str = "",
    ) -> None:
        unknown = sorted(set(addresses or {}) - set(ADDRESSES))
        if unknown:
            known = ", ".join(ADDRESSES)
            raise ValueError(f"outside.addresses: no service {unknown[0]!r}; there are {known}")
        self.sealer = sealer
        self.public_url = public_url.rstrip("/")
        self._addresses = {**ADDRESSES, **(addresses or {})}
        self._private = _Private.of(private)
        self._smtp_threads = trio.CapacityLimiter(_SMTP_THREADS)

    def address(self, service: str) -> str:
        """Return where a service is."""
        return self._addresses[service].rstrip("/")

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
        again: bool | None = None,
    ) -> Reply:
        """Ask a service; a reply with any status is a reply.

        ``again`` says whether asking twice is harmless; the method decides when it is not given.

        Raises:
            Upstream: it cannot be reached, does not answer in time, or answers nonsense.
        """
        attempts = ATTEMPTS if (method == "GET" if again is None else again) else 1
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                reply = await self._once(method, url, headers, json, form, basic)
            except (httpx2.HTTPError, httpx2.InvalidURL, trio.TooSlowError) as error:
                if last:
                    host = urlsplit(url).hostname or "the service"
                    raise Upstream(f"{host} did not answer ({type(error).__name__}).") from error
            else:
                if reply.status < 500 or last:
                    return reply
            await trio.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    async def ask_typed(self, method: str, url: str, **how: Any) -> Reply:
        """Ask at an address that a person typed in; raises ``Invalid`` for forbidden ones.

        Any: the same keywords as ``ask``.
        """
        await self.check_address(url)
        return await self.ask(method, url, **how)

    async def check_address(self, url: str) -> None:
        """Refuse addresses that lead into this network: they would make us their proxy.

        Raises:
            Invalid: not HTTP, or it resolves to a private, local or reserved address that the
                configuration does not allow.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 443
        except ValueError:
            raise broken_rule(f"The address {url} is malformed.") from None
        if parts.scheme in {"http", "https"} and host in self._private.names:
            return
        try:
            found = await trio.socket.getaddrinfo(host, port)
        except OSError:
            raise broken_rule(f"The host of {url} is unknown.") from None
        known = [self._private.holds(str(entry[4][0])) for entry in found]
        if parts.scheme != "https" and not (parts.scheme == "http" and all(known)):
            raise broken_rule(f"The address {url} must begin with https://.")
        public = [ipaddress.ip_address(entry[4][0]).is_global for entry in found]
        if not all(allowed or outer for allowed, outer in zip(known, public, strict=True)):
            raise broken_rule(
                f"The address {url} leads into a private network. Whoever runs the gateway can "
                "allow it: outside.private."
            )

    async def mail(self, server: MailServer, message: EmailMessage) -> None:
        """Hand a message to an SMTP server; it has taken it when this returns.

        Raises:
            Upstream: it did not take it.
        """
        try:
            await trio.to_thread.run_sync(_submit, server, message, limiter=self._smtp_threads)
        except (OSError, smtplib.SMTPException) as error:
            raise Upstream(f"The mail server {server.host} refused: {_reason(error)}") from error

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        json: object,
        form: Mapping[str, str] | None,
        basic: tuple[str, str] | None,
    ) -> Reply:
        with trio.fail_after(TIME_LIMIT):
            async with (
                httpx2.AsyncClient(timeout=TIME_LIMIT, trust_env=False) as client,
                client.stream(
                    method, url, headers=dict(headers or {}), json=json, data=form, auth=basic
                ) as response,
            ):
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > MOST_BYTES:
                        raise httpx2.DecodingError("the answer is too large")
                return Reply(response.status_code, _decoded(bytes(data)), bytes(data))


def _decoded(data: bytes) -> object:
    try:
        return httpx2.Response(200, content=data).json() if data else None
    except (ValueError, RecursionError):
        return None


def _submit(server: MailServer, message: EmailMessage) -> None:
    kind = smtplib.SMTP_SSL if server.encryption == "ssl" else smtplib.SMTP
    with kind(server.host, server.port, timeout=TIME_LIMIT) as connection:
        if server.encryption == "tls":
            connection.starttls(context=ssl.create_default_context())
        if server.username:
            connection.login(server.username, server.password)
        connection.send_message(message)


def _reason(error: Exception) -> str:
    """Return what the server said, in one line without anything of ours."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {' '.join(text.split())}"[:200]
    return type(error).__name__
