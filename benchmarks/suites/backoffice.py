"""What the back office's engine costs, against the same written by hand on FastAPI.

    list     50 invoices of a customer, out of 100,000, with lines, customer, VAT by rate and total
    create   an invoice with three lines
    search   two words among 100,000 customers, and the other kinds
    growth   the same list out of 1,000, 100,000 and (``--full``) 1,000,000 invoices

Both run as a process of their own over a copy of one SQLite file, asked by the same client:
one request at a time, then eight side by side. Each row's note is the quotient of the medians.
"CPU ms each" is processor time of the server's process.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from benchmarks.harness import Options, Report, Row, environment, latencies
from benchmarks.node import free_port
from benchmarks.processes import Service, open_service, usage
from benchmarks.shop_data import LISTED, THEIRS, ShopData, make

#: Databases lie in memory where the system has a file system for it: disks are not the question.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Rows of the database that all three are asked of.
MANY = 100_000

SIDE_BY_SIDE = 8

#: Requests before the clock runs: imports, caches, prepared statements.
WARM_UP = 30

#: Seconds until a server listens.
START_LIMIT = 60.0

_BODY = json.dumps(
    {
        "customer_id": 99,
        "invoice_date": "2026-01-05",
        "due_date": "2026-02-05",
        "lines": [
            {"description": "Work", "qty": 1.5, "unit_price": 80, "vat_rate": 21},
            {"description": "Part", "qty": 2, "unit_price": 12.95, "vat_rate": 21},
            {"description": "Book", "qty": 1, "unit_price": 10, "vat_rate": 9},
        ],
    }
).encode()


@dataclass(frozen=True, slots=True)
class Question:
    """A request: its name, method, path and body, and the status it must have."""

    name: str
    method: str
    path: str
    body: bytes = b""
    status: int = 200


LIST = Question("list", "GET", f"/invoices?customer_id={LISTED}")
QUESTIONS = (
    LIST,
    Question("create", "POST", "/invoices", _BODY, 201),
    Question("search", "GET", "/search?q=jansen+4"),
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where one of the two is.

    Attributes:
        name: for the table.
        port: on loopback.
        prefix: in front of the paths.
        service: its process.
    """

    name: str
    port: int
    prefix: str
    service: Service


async def run(options: Options) -> Report:
    """Measure all rows."""
    with TemporaryDirectory(prefix="gateway-bench-", dir=MEMORY) as name:
        folder = Path(name)
        data = await trio.to_thread.run_sync(make, folder / "shop.db", MANY, MANY)
        rows = await compare(folder, data, options.seconds)
    sizes = (1_000, MANY, 1_000_000) if options.full else (1_000, MANY)
    rows += [await _growth(size, options.seconds) for size in sizes]
    return Report("backoffice", tuple(rows), environment())


async def compare(folder: Path, data: ShopData, seconds: float) -> list[Row]:
    """Ask both everything, each question for so many seconds; return a row for each."""
    found: dict[tuple[str, int, str], Row] = {}
    async with open_gateway(folder / "a", data) as ours, open_peer(folder / "b", data) as theirs:
        for question in QUESTIONS:
            for many in (1, SIDE_BY_SIDE):
                for server in (ours, theirs):
                    row = await _ask(server, data.token, question, many, seconds)
                    found[question.name, many, server.name] = row
    return [_held(found, key) for key in found]


def _held(found: dict[tuple[str, int, str], Row], key: tuple[str, int, str]) -> Row:
    name, many, server = key
    row = found[key]
    if server != "gateway":
        return row
    peer = found[name, many, "FastAPI"].figures["p50 ms"]
    times = row.figures["p50 ms"] / peer
    return Row(row.name, row.figures, f"{times:.2f} times FastAPI's; aim: 1.3 at most")


async def _growth(size: int, seconds: float) -> Row:
    with TemporaryDirectory(prefix="gateway-bench-", dir=MEMORY) as name:
        folder = Path(name)
        customers = max(size // 50, 100)
        data = await trio.to_thread.run_sync(make, folder / "shop.db", customers, size)
        async with open_gateway(folder / "a", data) as server:
            row = await _ask(server, data.token, LIST, 1, seconds)
    return Row(f"list out of {size:,}", row.figures, "flat: the filter is indexed")


async def _ask(server: Server, token: str, question: Question, many: int, seconds: float) -> Row:
    """Ask over so many connections for so long; every answer must be right."""
    samples: list[float] = []
    request = _request(server, token, question)
    async with trio.open_nursery() as nursery:
        for _ in range(many):
            nursery.start_soon(_repeat, server, request, question, WARM_UP // many + 1, None, [])
    used, began = usage(server.service.pid).cpu_seconds, trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(many):
            end = began + seconds
            nursery.start_soon(_repeat, server, request, question, None, end, samples)
    elapsed = trio.current_time() - began
    spent = usage(server.service.pid).cpu_seconds - used
    figures = {
        **latencies(samples),
        "per second": round(len(samples) / elapsed, 1),
        "CPU ms each": round(spent / len(samples) * 1000, 2),
    }
    side = f", {many} side by side" if many > 1 else ""
    return Row(f"{question.name}{side}: {server.name}", figures)


def _request(server: Server, token: str, question: Question) -> bytes:
    head = (
        f"{question.method} {server.prefix}{question.path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(question.body)}\r\n\r\n"
    )
    return head.encode() + question.body


async def _repeat(
    server: Server,
    request: bytes,
    question: Question,
    times: int | None,
    end: float | None,
    samples: list[float],
) -> None:
    done = 0
    while (times is None or done < times) and (end is None or trio.current_time() < end):
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            # Servers end a connection after so many requests, and say so with the last answer.
            going = True
            while going and (times is None or done < times):
                began = trio.current_time()
                status, body, going = await _exchange(stream, request)
                samples.append(trio.current_time() - began)
                done += 1
                _check(server, question, status, body)
                going = going and (end is None or trio.current_time() < end)


def _check(server: Server, question: Question, status: int, body: bytes) -> None:
    if status != question.status:
        raise RuntimeError(f"{server.name}: {question.name}: {status} {body[:200]!r}")
    if question is LIST and json.loads(body)["total"] != THEIRS:
        raise RuntimeError(f"{server.name}: the list is wrong")


async def _exchange(stream: trio.SocketStream, request: bytes) -> tuple[int, bytes, bool]:
    """Send a request; return status, body, which says its length, and whether to go on here."""
    await stream.send_all(request)
    data = b""
    while b"\r\n\r\n" not in data:
        part = await stream.receive_some()
        if not part:
            raise RuntimeError("the server hung up")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields[b"content-length"])
    while len(body) < length:
        body += await stream.receive_some()
    return int(head[9:12]), body, fields.get(b"connection") != b"close"


def _installation(folder: Path, data: ShopData, port: int) -> None:
    _copied(data.file, folder / "gateway.db")
    (folder / "gateway.toml").write_text(
        f'[data]\ndirectory = "{folder}"\n[http]\nport = {port}\n'
        f'[link]\nport = {free_port()}\n[log]\nlevel = "error"\n'
    )


def _copied(file: Path, copy: Path) -> None:
    copy.parent.mkdir()
    shutil.copyfile(file, copy)


@asynccontextmanager
async def open_gateway(folder: Path, data: ShopData) -> AsyncIterator[Server]:
    """Run the gateway over a copy of the database while the block runs."""
    port = free_port()
    await trio.to_thread.run_sync(_installation, folder, data, port)
    command = [sys.executable, "-m", "gateway", "--config", str(folder / "gateway.toml"), "serve"]
    async with trio.open_nursery() as nursery, open_service(command, nursery) as service:
        await _until_listening(port, service)
        yield Server("gateway", port, "/backoffice/repair", service)


@asynccontextmanager
async def open_peer(folder: Path, data: ShopData) -> AsyncIterator[Server]:
    """Run the same on FastAPI over another copy while the block runs."""
    port = free_port()
    await trio.to_thread.run_sync(_copied, data.file, folder / "shop.db")
    command = [sys.executable, "-m", "benchmarks.peers.shop", str(folder / "shop.db"), str(port)]
    async with trio.open_nursery() as nursery, open_service(command, nursery) as service:
        await _until_listening(port, service)
        yield Server("FastAPI", port, "", service)


async def _until_listening(port: int, service: Service) -> None:
    with trio.fail_after(START_LIMIT):
        while True:
            service.check()
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.1)
            else:
                await stream.aclose()
                return
