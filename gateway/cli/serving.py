"""``gateway serve``, ``gateway demo`` and ``gateway cluster-demo``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from gateway.app import open_gateway
from gateway.cli.invocation import Invocation
from gateway.config import LogSettings
from gateway.demo.cluster import ClusterOptions, run_cluster_demo
from gateway.demo.command import DemoOptions, run_demo
from gateway.runtime.garbage import collect_seldom
from gateway.runtime.logs import open_log, stdlib_logging_into
from gateway.runtime.open_files import raise_open_file_limit
from gateway.runtime.shutdown import watch_signals

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``serve``, ``demo`` and ``cluster-demo``."""
    serve = commands.add_parser("serve", help="run a gateway")
    serve.add_argument("--config", type=Path, default=argparse.SUPPRESS, help="TOML file")
    serve.set_defaults(command=run_serve)
    demo = commands.add_parser("demo", help="run everything on this machine, and the story")
    demo.add_argument("--once", action="store_true", help="end after the story")
    demo.add_argument("--no-story", action="store_true", help="run everything, tell nothing")
    demo.add_argument("--json", action="store_true", help="machine-readable lines on stdout")
    demo.add_argument("--data", type=Path, help="folder to keep; a temporary one if left out")
    demo.add_argument("--http", type=_port, default=0, metavar="PORT", help="0: any free one")
    demo.add_argument("--link", type=_port, default=0, metavar="PORT", help="0: any free one")
    demo.add_argument("--connectors", type=_count, default=3, metavar="N")
    demo.set_defaults(command=run_demo_command)
    cluster = commands.add_parser("cluster-demo", help="the story on two nodes, one of which dies")
    cluster.add_argument("--once", action="store_true", help="end after the story")
    cluster.add_argument("--json", action="store_true", help="machine-readable lines on stdout")
    cluster.add_argument("--data", type=Path, help="folder to keep; a temporary one if left out")
    cluster.add_argument("--postgres", metavar="URL", help="an empty database; else a private one")
    cluster.add_argument("--valkey", metavar="URL", help="a server; else a private one")
    cluster.add_argument("--connectors", type=_count, default=3, metavar="N")
    cluster.set_defaults(command=run_cluster_demo_command)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 1_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000")
    return count


def run_serve(invocation: Invocation) -> int:
    """Run a gateway until SIGINT or SIGTERM."""
    settings = invocation.settings
    log = open_log(settings.log, sys.stderr)
    raise_open_file_limit()

    async def run() -> None:
        async with open_gateway(settings, log) as gateway, trio.open_nursery() as nursery:
            await nursery.start(watch_signals, gateway.shutdown, log)
            collect_seldom()
            log.info("ready", http=gateway.http_url, link=gateway.link_url)
            await gateway.shutdown.requested.wait()
            nursery.cancel_scope.cancel()

    with stdlib_logging_into(log):
        trio.run(run)
    return 0


def run_demo_command(invocation: Invocation) -> int:
    """Run the demo."""
    given = invocation.arguments
    options = DemoOptions(
        once=given.once,
        json=given.json,
        data=given.data,
        http=given.http,
        link=given.link,
        connectors=given.connectors,
        story=not given.no_story,
    )
    # The story speaks for itself; the log only tells what goes wrong.
    log = open_log(LogSettings(level="warning", format="auto"), sys.stderr)
    raise_open_file_limit()
    with stdlib_logging_into(log):
        return trio.run(run_demo, options, log)


def run_cluster_demo_command(invocation: Invocation) -> int:
    """Run the demonstration of several nodes."""
    given = invocation.arguments
    options = ClusterOptions(
        once=given.once,
        json=given.json,
        data=given.data,
        postgres=given.postgres,
        valkey=given.valkey,
        connectors=given.connectors,
    )
    log = open_log(LogSettings(level="warning", format="auto"), sys.stderr)
    with stdlib_logging_into(log):
        return trio.run(run_cluster_demo, options)
