from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.cli import serving
from gateway.cli.entry import main, parser
from gateway.demo.cluster import ClusterOptions
from gateway.demo.command import DemoOptions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[DemoOptions]:
    """What the demo was asked for, instead of a demo."""
    found: list[DemoOptions] = []

    async def run_demo(options: DemoOptions, _log: Any) -> int:
        found.append(options)
        return 7

    monkeypatch.setattr(serving, "run_demo", run_demo)
    return found


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], DemoOptions()),
        (["--once", "--json"], DemoOptions(once=True, json=True)),
        (["--no-story"], DemoOptions(story=False)),
        (
            ["--data", "d", "--http", "8080", "--link", "0", "--connectors", "9"],
            DemoOptions(data=Path("d"), http=8080, connectors=9),
        ),
    ],
)
def test_the_demo_gets_what_was_asked_for(
    asked: list[DemoOptions], arguments: list[str], options: DemoOptions
) -> None:
    assert main(["demo", *arguments]) == 7
    assert asked == [options]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--http", "65536"],
        ["--http", "-1"],
        ["--link", "any"],
        ["--connectors", "0"],
        ["--connectors", "1001"],
    ],
)
def test_numbers_that_cannot_be_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["demo", *arguments])
    assert arguments[0] in capsys.readouterr().err


def test_the_demo_of_several_nodes_gets_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[ClusterOptions] = []

    async def run(options: ClusterOptions) -> int:
        found.append(options)
        return 7

    monkeypatch.setattr(serving, "run_cluster_demo", run)
    given = ["--once", "--json", "--data", "d", "--postgres", "p", "--valkey", "v"]
    assert main(["cluster-demo"]) == 7
    assert main(["cluster-demo", *given, "--connectors", "9"]) == 7
    wanted = ClusterOptions(
        once=True, json=True, data=Path("d"), postgres="p", valkey="v", connectors=9
    )
    assert found == [ClusterOptions(), wanted]
