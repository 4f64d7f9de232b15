from __future__ import annotations

import io
import json
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx2
import pytest
import trio
import trio.testing
import trustme
from quart import Response, request, websocket
from quart_trio import QuartTrio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from gateway.config import HttpSettings, LogSettings
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics
from gateway.web.frames import frame_sender, text_frame
from gateway.web.server import serve_http

pytestmark = pytest.mark.slow

SETTINGS = HttpSettings(port=0, drain=2.0, max_message_bytes=10_000)


@dataclass
class _Server:
    """A running server and what it reports to."""

    url: str
    draining: trio.Event
    ended: trio.Event
    metrics: Metrics
    log: io.StringIO

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @asynccontextmanager
    async def websocket(
        self, path: str, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[WebSocketConnection]:
        """Open a websocket; closes its stream, which trio-websocket leaves open after a close."""
        plain = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = plain
        if tls is not None:
            stream = trio.SSLStream(plain, tls, server_hostname="localhost", https_compatible=True)
        async with trio.open_nursery() as nursery:
            try:
                yield await wrap_client_stream(nursery, stream, "localhost", path)
            finally:
                await trio.aclose_forcefully(stream)
                nursery.cancel_scope.cancel()

    def sample(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"gateway_{name}", labels) or 0

    def failures(self) -> float:
        """Connections that the guard had to end."""
        return sum(
            sample.value
            for metric in self.metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "gateway_connection_failures_total"
        )

    async def raw(self, data: bytes) -> bytes:
        """Send bytes on a new connection and return what comes back before it ends."""
        answer = b""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            with trio.move_on_after(0.3):
                try:
                    await stream.send_all(data)
                    while part := await stream.receive_some():
                        answer += part
                except trio.BrokenResourceError:
                    return answer
        return answer

    async def is_alive(self) -> bool:
        async with httpx2.AsyncClient() as client:
            response = await client.get(f"{self.url}/hello")
        return response.text == "hello"


class _App:
    """What the server serves in these tests."""

    def __init__(self) -> None:
        self.app = QuartTrio(__name__)
        self.release = trio.Event()
        self.entered = trio.Event()
        self.left = trio.Event()
        self.app.add_url_rule("/hello", "hello", self.hello)
        self.app.add_url_rule("/slow", "slow", self.slow)
        self.app.add_url_rule("/large", "large", self.large)
        self.app.add_websocket("/echo", "echo", self.echo)
        self.app.add_websocket("/silent", "silent", self.silent)
        self.app.add_websocket("/frame", "frame", self.frame)

    async def frame(self) -> None:
        await websocket.accept()
        await trio.testing.wait_all_tasks_blocked()  # the first ping has gone
        went = frame_sender(websocket.scope)(text_frame("ready"))
        await websocket.send(str(went))

    async def hello(self) -> Response:
        return Response("hello")

    async def slow(self) -> Response:
        self.entered.set()
        await self.release.wait()
        return Response(f"done for {request.args['who']}")

    async def large(self) -> Response:
        return Response(b"x" * 30_000_000)

    async def echo(self) -> None:
        while True:
            await websocket.send(await websocket.receive())

    async def silent(self) -> None:
        await websocket.accept()
        try:
            await trio.sleep_forever()
        finally:
            self.left.set()


@asynccontextmanager
async def _serving(app: QuartTrio, settings: HttpSettings = SETTINGS) -> AsyncIterator[_Server]:
    server = _Server("", trio.Event(), trio.Event(), Metrics(), io.StringIO())

    async def run(*, task_status: trio.TaskStatus[str]) -> None:
        await serve_http(
            app,
            settings,
            log=open_log(LogSettings(level="debug"), server.log),
            metrics=server.metrics,
            draining=server.draining,
            task_status=task_status,
        )
        server.ended.set()

    async with trio.open_nursery() as nursery:
        server.url = await nursery.start(run)
        yield server
        nursery.cancel_scope.cancel()


UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

#: Each of these ends the process of a Hypercorn without a guard, or looks as if it could.
KILLERS = {
    "bytes after a websocket upgrade": UPGRADE % b"/nowhere" + b"\x81\x85xxxxx",
    "bytes after a good upgrade": UPGRADE % b"/echo" + b"\xff" * 100,
    "a header that is not ASCII": b"GET / HTTP/1.1\r\nHost: x\r\nX-Name: \xff\xfe\r\n\r\n",
    "a header name that is not ASCII": b"GET / HTTP/1.1\r\nHost: x\r\n\xff: 1\r\n\r\n",
    "a path that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "bad base64 in HTTP2-Settings": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAAAA\r\n\r\n"
    ),
    "bad settings in HTTP2-Settings": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAIAAAAH\r\n\r\n"
    ),
    "a preface and nonsense": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200,
    "a preface and a frame on no stream": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\0\xff"
    ),
    "a subprotocol with a NUL": UPGRADE[:-2] % b"/echo" + b"Sec-WebSocket-Protocol: \0\r\n\r\n",
    "two different lengths": (
        b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    ),
    "no path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that is another host": b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    "a client hello on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
}


async def test_the_url_reaches_the_server() -> None:
    async with _serving(_App().app) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.port != 0
        assert await server.is_alive()
    assert server.sample("http_requests_total", method="GET", status="200") == 1


@pytest.mark.parametrize("name", KILLERS)
async def test_no_first_packet_ends_the_server(name: str) -> None:
    async with (
        _serving(_App().app) as server,
        server.websocket("/echo") as watcher,
    ):
        await server.raw(KILLERS[name])
        assert await server.is_alive()
        await watcher.send_message("still here")
        assert await watcher.get_message() == "still here"
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    told = [line for line in lines if line["level"] != "debug"]
    assert not any("exception" in line for line in told)  # strangers do not fill the disk


async def test_the_guard_is_in_effect() -> None:
    async with _serving(_App().app) as server:
        await server.raw(KILLERS["bytes after a websocket upgrade"])
        assert server.failures() == 1
        assert '"connection failed"' in server.log.getvalue()


async def test_random_bytes_do_not_end_the_server() -> None:
    random_bytes = random.Random(4711)
    samples = list(KILLERS.values())

    async def attack(server: _Server) -> None:
        data = bytearray(random_bytes.choice(samples))
        for _ in range(random_bytes.randrange(8)):
            data[random_bytes.randrange(len(data))] = random_bytes.randrange(256)
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(data)
            with trio.move_on_after(0.02):
                await stream.receive_some()

    async with _serving(_App().app) as server:
        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(attack, server)
        assert await server.is_alive()
        await _until(lambda: server.sample("http_connections_open") == 0)


async def test_a_reader_that_stops_reading_is_cut() -> None:
    made = _App()
    settings = replace(SETTINGS, send_timeout=0.1)
    async with _serving(made.app, settings) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await _until(lambda: server.sample("http_connections_open") == 1)
            await _until(lambda: server.sample("http_connections_open") == 0)
        assert await server.is_alive()


async def test_a_reader_that_stops_reading_does_not_hold_the_stop() -> None:
    settings = replace(SETTINGS, drain=0.1, send_timeout=60.0)
    async with _serving(_App().app, settings) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await _until(lambda: server.sample("http_connections_open") == 1)
            server.draining.set()
            with trio.fail_after(20):
                await server.ended.wait()


async def test_a_large_answer_reaches_a_slow_reader() -> None:
    settings = replace(SETTINGS, send_timeout=1.0, read_timeout=0.3, websocket_ping=0.1)
    async with _serving(_App().app, settings) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        received = 0
        async with stream:
            await stream.send_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while part := await stream.receive_some(1 << 20):
                received += len(part)
                await trio.sleep(0.001)
        assert received > 30_000_000


async def test_a_silent_connection_ends() -> None:
    settings = replace(SETTINGS, keep_alive=0.1)
    async with _serving(_App().app, settings) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            with trio.fail_after(20):
                assert await stream.receive_some() == b""


async def test_a_watcher_that_answers_pings_stays_and_one_that_does_not_goes() -> None:
    settings = replace(SETTINGS, read_timeout=0.3, websocket_ping=0.1)
    made = _App()
    async with (
        _serving(made.app, settings) as server,
        server.websocket("/echo") as watcher,
    ):
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            await stream.send_all(UPGRADE % b"/silent")
            with trio.fail_after(20):
                await made.left.wait()
        await watcher.send_message("still here")
        assert await watcher.get_message() == "still here"


async def test_a_message_over_the_limit_ends_the_connection() -> None:
    async with _serving(_App().app) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(UPGRADE % b"/echo")
            assert b"101" in await stream.receive_some()
            # A frame of 1 GiB announced, and as much of it as the server takes.
            await stream.send_all(b"\x82\xff" + (1 << 30).to_bytes(8, "big") + b"\0\0\0\0")
            with trio.fail_after(20), pytest.raises(trio.BrokenResourceError):
                await stream.send_all(b"x" * (1 << 26))
        assert await server.is_alive()


async def test_connections_over_the_limit_are_refused() -> None:
    settings = replace(SETTINGS, max_connections=1)
    async with _serving(_App().app, settings) as server:
        async with server.websocket("/echo"):
            assert await server.raw(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == b""
            assert server.sample("http_connections_refused_total") == 1
        await _until(lambda: server.sample("http_connections_open") == 0)
        assert await server.is_alive()


async def test_draining_finishes_requests_closes_websockets_and_accepts_nobody() -> None:
    made = _App()
    answers: list[str] = []

    async def ask(server: _Server) -> None:
        async with httpx2.AsyncClient() as client:
            answers.append((await client.get(f"{server.url}/slow?who=me")).text)

    async with (
        _serving(made.app) as server,
        trio.open_nursery() as nursery,
        server.websocket("/echo") as watcher,
        server.websocket("/silent") as silent,
    ):
        nursery.start_soon(ask, server)
        await made.entered.wait()
        server.draining.set()
        for connection in (watcher, silent):
            with pytest.raises(ConnectionClosed) as closed:
                await connection.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1012
        await made.left.wait()
        with pytest.raises(OSError, match="failed"):
            await trio.open_tcp_stream("127.0.0.1", server.port)
        assert not server.ended.is_set()
        made.release.set()
        with trio.fail_after(20):
            await server.ended.wait()
    assert answers == ["done for me"]


async def test_a_request_that_lingers_is_cut_when_the_drain_is_over() -> None:
    made = _App()
    settings = replace(SETTINGS, drain=0.1)

    async def ask(server: _Server) -> None:
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get(f"{server.url}/slow?who=me")

    async with _serving(made.app, settings) as server, trio.open_nursery() as nursery:
        nursery.start_soon(ask, server)
        await made.entered.wait()
        server.draining.set()
        with trio.fail_after(20):
            await server.ended.wait()
    assert server.ended.is_set()


async def test_two_servers_cannot_share_a_port() -> None:
    async with _serving(_App().app) as server:
        taken = replace(SETTINGS, port=server.port)
        serve = partial(
            serve_http,
            _App().app,
            taken,
            log=open_log(LogSettings(), io.StringIO()),
            metrics=Metrics(),
            draining=trio.Event(),
        )
        with pytest.RaisesGroup(OSError, allow_unwrapped=True, flatten_subgroups=True):
            await serve()
        assert await server.is_alive()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_settings(authority: trustme.CA, tmp_path: Path) -> HttpSettings:
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return replace(SETTINGS, certificate=tmp_path / "cert.pem", private_key=tmp_path / "key.pem")


async def test_tls(authority: trustme.CA, tls_settings: HttpSettings) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with _serving(_App().app, tls_settings) as server:
        assert server.url.startswith("https://")
        await server.raw(b"GET / HTTP/1.1\r\n\r\n")
        async with httpx2.AsyncClient(verify=context) as client:
            assert (await client.get(f"{server.url}/hello")).text == "hello"
        async with server.websocket("/echo", context) as connection:
            await connection.send_message("x")
            assert await connection.get_message() == "x"
            server.draining.set()
            with pytest.raises(ConnectionClosed):
                await connection.get_message()


async def _until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - numbers of a registry wake nobody
            await trio.sleep(0.01)


async def test_an_application_reaches_the_socket_with_ready_frames() -> None:
    async with _serving(_App().app) as server, server.websocket("/frame") as connection:
        assert await connection.get_message() == "ready"
        assert await connection.get_message() == "True"
