"""Schemathesis against a gateway that runs: good and bad data for every described operation.

    python -m tests.contracts.hostile customer operator partner --examples 200

makes the longer run; a test makes a short one. Every answer has a status that the document
names, with the content type and shape it names; none is an error of ours; a refusal of a body or
a parameter names it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import STDOUT
from threading import Thread

import structlog
import trio

from gateway.config import ChatSettings
from gateway.demo.seed import seed
from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.runtime.logs import Log
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade
from tests.end_to_end.houses import House, open_house, settings_for
from tests.gateway.chat.test_translation import LibreTranslate
from tests.gateway.mail.postmaster import mail_server

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,refusals_name_the_field"
)

APIS = ("customer", "operator", "partner")

#: Phases of a run: what is written down and what is drawn, or also every bound of every schema.
SHORT, LONG = "examples,fuzzing", "examples,coverage,fuzzing"


async def attack(house: House, name: str, examples: int, phases: str) -> tuple[int, str]:
    """Run schemathesis over one document; return its status and what it said."""
    token = await (house.customer() if name == "customer" else house.operator())
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"{house.gateway.http_url}/openapi/{name}.json",
        *("--checks", CHECKS, "--phases", phases, "--mode", "all"),
        *("--max-examples", str(examples), "--seed", "1", "--generation-deterministic"),
        *("--workers", "1", "--continue-on-failure", "--no-shrink", "--no-color"),
        *("--warnings", "off"),
        *("--suppress-health-check", "all"),
    ]
    if name != "partner":
        command += ["--header", f"Authorization: Bearer {token}"]
    # It leaves files where it is run, so that is not the tree; the hooks are there, though.
    environment = dict(os.environ, SCHEMATHESIS_HOOKS="tests.contracts.hostile_checks")
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = await trio.run_process(
        command, check=False, capture_stdout=True, stderr=STDOUT, env=environment, cwd=house.folder
    )
    return done.returncode, done.stdout.decode(errors="replace")


async def furnish(folder: Path) -> None:
    """Put the demo's people, devices and catalogue into a folder."""
    settings = settings_for(folder)
    async with open_database(settings.database_url) as database:
        await upgrade(database)
        identity = await open_identity(database, settings, utc_now)
        await seed(identity, database, 3, folder)


async def run(names: Sequence[str], examples: int) -> int:
    """Attack a gateway of its own; return the exit status."""
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(40),
    )
    status = 0
    with tempfile.TemporaryDirectory() as made:
        await furnish(Path(made))
        async with open_target(Path(made), log) as house:
            for name in names:
                failed, said = await attack(house, name, examples, LONG)
                sys.stdout.write(said)
                status |= failed
    return status


@asynccontextmanager
async def open_target(folder: Path, log: Log) -> AsyncIterator[House]:
    """Run a gateway with a vehicle, mail and translation: what is not set up answers 503."""
    with mail_server() as postmaster, open_translation() as url:
        chosen = ChatSettings(translation_url=url)
        async with open_house(
            folder, log, within=3_600.0, mail=postmaster.settings(), chat=chosen
        ) as house:
            # Every one, because data may name any: one that is away would answer 503.
            await house.plug_in("can", "can-fd", "doip")
            yield house


@contextmanager
def open_translation() -> Iterator[str]:
    """Run a translation server; yield its address."""
    server = LibreTranslate()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.silence.set()
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> int:
    """Read the command line and attack."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.hostile")
    parser.add_argument("apis", nargs="*", choices=[[], *APIS], default=[], metavar="API")
    parser.add_argument("--examples", type=int, default=100, help="for each operation")
    given = parser.parse_args()
    return trio.run(run, given.apis or APIS, given.examples)


if __name__ == "__main__":
    sys.exit(main())
