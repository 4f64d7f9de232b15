"""What docs/operations.md tells people to type works, and what it names exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.runtime.metrics import Metrics
from gateway.storage.gauges import show_database
from tests.support.postgres import binaries, private_cluster

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of one kind, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A folder with the example configuration, and hashing that costs nothing."""
    shutil.copy(ROOT / "packaging" / "gateway.toml", tmp_path / "gateway.toml")
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "GATEWAY_DATA_DIRECTORY": str(tmp_path / "data"),
        "GATEWAY_SECURITY_HASH_TIME_COST": "1",
        "GATEWAY_SECURITY_HASH_MEMORY_KIB": "8",
    }


def run(commands: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(commands)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(300)
def test_from_the_first_start_to_a_restored_back_up(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    said = run(blocks("sh"), tmp_path, environment)
    # The connector is listed where it was made, and in what was restored.
    (uuid,) = set(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", said))
    assert said.count(uuid) >= 3
    assert (tmp_path / "restored" / "secret.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "backup" / "gateway.db").stat().st_mode & 0o077 == 0


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A server of the test's own, found as libpq's programs find one."""
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o755)
        with private_cluster(Path(folder) / "s"):
            yield {
                **environment,
                "PATH": f"{where}:{environment['PATH']}",
                "PGHOST": f"{folder}/s",
                "PGUSER": "postgres",
            }


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(300)
def test_postgresql_is_filled_backed_up_and_restored(
    tmp_path: Path, server: dict[str, str]
) -> None:
    kept, grown = blocks("sh postgresql")
    run([blocks("sh")[0]], tmp_path, server)
    # Into PostgreSQL first: there is nothing to back up before.
    run([grown, kept], tmp_path, server)
    restored = {"GATEWAY_DATABASE_URL": "postgresql+psycopg:///gateway_restored"}
    listed = ["gateway --config gateway.toml connector list"]
    assert run(listed, tmp_path, server | restored) == run(listed, tmp_path, server)


def test_every_setting_that_is_named_is_one() -> None:
    named = re.findall(r"`([a-z]+)\.([a-z_0-9]+)(?: = [^`]+)?`", PAGE)
    sections = {name for name, _ in named} & set(Settings.__dataclass_fields__)
    checked = 0
    for section, name in named:
        # Files, and codes of refusals, are written alike.
        if section in sections and name not in {"toml", "key", "db", "service", "in_use"}:
            assert hasattr(getattr(Settings(), section), name), f"{section}.{name}"
            checked += 1
    assert checked > 20


def test_every_test_and_file_that_is_named_is_there() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert len(named) > 5
    assert named <= tests
    for path in re.findall(r"\b(packaging/[\w./-]+\w)", PAGE):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_every_number_worth_an_alarm_is_counted() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py")
    )
    for name in re.findall(r"`gateway_(\w+)`", PAGE):
        assert f'"{name.removesuffix("_total")}"' in source, name


async def test_the_database_is_among_them(database: object) -> None:
    metrics = Metrics()
    show_database(metrics, database)  # type: ignore[arg-type]
    page = metrics.exposition(None)[0].decode()
    for name in set(re.findall(r"`(gateway_database_\w+)`", PAGE)):
        assert f"\n{name} " in page
