"""From a URL to an open websocket: TCP, TLS where the URL asks for it, the upgrade.

    dial(host, port) -> stream   the seam: real TCP, or what a test or a fleet puts in its place

TLS runs over the dialled stream, so what happens to the bytes on their way happens below it, as on
a real network.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream
from typing_extensions import override

from protocols.link.messages import MAX_ENVELOPE, SUBPROTOCOL

#: Connects to host and port; raises ``OSError`` when that fails.
Dialler = Callable[[str, int], Awaitable[trio.abc.Stream]]

#: Bytes read at once; most messages of a link are far smaller.
RECEIVE_SIZE = 4096

_SECURE_PORT, _PLAIN_PORT = 443, 80


class DialError(Exception):
    """The gateway was not reached, or did not upgrade to a websocket; the text says why.

    Attributes:
        nobody_listens: its machine answered, and said so: a gateway that is being restarted.
    """

    def __init__(self, reason: str, *, nobody_listens: bool = False) -> None:
        super().__init__(reason)
        self.nobody_listens = nobody_listens


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a gateway listens."""

    host: str
    port: int
    resource: str
    secure: bool

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Return the endpoint of a ``ws://`` or ``wss://`` URL.

        Raises:
            ValueError: it is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            raise ValueError(f"{url!r} is no address like wss://HOST:PORT/PATH")
        secure = parts.scheme == "wss"
        port = parts.port or (_SECURE_PORT if secure else _PLAIN_PORT)
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.hostname, port, (parts.path or "/") + query, secure)

    @property
    def name(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in {_SECURE_PORT, _PLAIN_PORT} else f"{host}:{self.port}"


async def dial_tcp(host: str, port: int) -> trio.abc.Stream:
    """Connect by TCP.

    Raises:
        OSError: nobody answers there.
    """
    return await trio.open_tcp_stream(host, port)


def client_tls(
    ca: Path | None = None, certificate: Path | None = None, private_key: Path | None = None
) -> ssl.SSLContext:
    """Return what a connector needs for TLS.

    Args:
        ca: PEM file of the authority that vouches for the gateway; the system's when left out.
        certificate: PEM file of the connector's own certificate, which names its UUID.
        private_key: PEM file of the certificate's key; may be in the same file.

    Raises:
        OSError: a file cannot be read, or is not what it should be.
    """
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    if certificate is not None:
        # No pass phrase: asking for one at the terminal would hold up a device for ever.
        context.load_cert_chain(certificate, private_key, password=_no_pass_phrase)
    return context


def _no_pass_phrase() -> str:
    raise OSError("the key has a pass phrase; a device has nobody to ask for it")


async def connect(endpoint: Endpoint, dial: Dialler, tls: ssl.SSLContext | None) -> OpeningStream:
    """Reach a gateway, with TLS where it wants it.

    Raises:
        DialError: it is not there, or its certificate is not good.
    """
    try:
        stream = await dial(endpoint.host, endpoint.port)
    except OSError as error:
        raise DialError(
            f"{endpoint.name} cannot be reached: {error}", nobody_listens=_is_refusal(error)
        ) from error
    if not endpoint.secure or tls is None:
        return OpeningStream(stream)
    secured = trio.SSLStream(stream, tls, server_hostname=endpoint.host, https_compatible=True)
    try:
        await secured.do_handshake()
    except (trio.BrokenResourceError, ssl.SSLError) as error:
        await trio.aclose_forcefully(stream)
        raise DialError(f"no TLS with {endpoint.name}: {error.__cause__ or error}") from error
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return OpeningStream(secured)


def _is_refusal(error: BaseException | None) -> bool:
    """Tell whether each address that was tried has refused the connection."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_refusal, error.exceptions))
    # Trio tells of several addresses, or of one, by an error whose cause says what happened.
    return isinstance(error, ConnectionRefusedError) or (
        isinstance(error, OSError) and error.errno is None and _is_refusal(error.__cause__)
    )


async def upgrade(
    nursery: trio.Nursery, stream: OpeningStream, endpoint: Endpoint
) -> WebSocketConnection:
    """Ask for a websocket; its reader runs in the nursery.

    The nursery fails with ``HandshakeError`` or `DialError` when the gateway refuses.
    """
    websocket = await wrap_client_stream(
        nursery,
        # The library is content with any stream, its annotation is not.
        stream,  # type: ignore[arg-type]
        endpoint.name,
        endpoint.resource,
        subprotocols=[SUBPROTOCOL],
        max_message_size=MAX_ENVELOPE,
        receive_buffer_size=RECEIVE_SIZE,
    )
    stream.opened = True
    return websocket


class OpeningStream(trio.abc.Stream):
    """Says so when the peer hangs up before the websocket is open.

    The library's client would wait for an answer that cannot come any more.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.opened = False

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError as error:
            raise self._meaning(error) from error
        if not data and not self.opened:
            raise DialError("the gateway hung up before the websocket was open")
        return data

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: trio.BrokenResourceError) -> Exception:
        """Return what a broken connection means by now."""
        return (
            error
            if self.opened
            else DialError("the connection broke before the websocket was open")
        )

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()
