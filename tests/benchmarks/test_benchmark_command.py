from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from benchmarks.__main__ import ask, parse
from benchmarks.harness import Options, Report
from benchmarks.suites import QUESTIONS, chosen

LINK = ["link-idle", "link-return", "link-exchanges", "link-frames", "link-fuzz"]


def test_nothing_named_is_everything_once() -> None:
    assert chosen([]) == list(QUESTIONS)


def test_link_is_its_five_questions() -> None:
    assert chosen(["link"]) == LINK


def test_what_is_named_twice_runs_once() -> None:
    assert chosen(["link-return", "link", "exchange"]) == [
        "link-return",
        "link-idle",
        "link-exchanges",
        "link-frames",
        "link-fuzz",
        "exchange",
    ]


def test_the_command_line_becomes_options(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    command = parse(["link", "--seconds", "0.5", "--full", "--json", str(file)])
    assert command.questions == LINK
    assert command.options == Options(seconds=0.5, full=True)
    assert command.json == file


def test_defaults_are_a_coffee_break() -> None:
    command = parse([])
    assert command.options == Options(seconds=5.0, full=False)
    assert parse(["link-fuzz", "--connections", "7"]).options.connections == 7
    assert command.json is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lnik"], "no suite 'lnik'; there are"),
        (["link", "--seconds", "0"], "more than 0"),
        (["--seconds", "soon"], "invalid float"),
        (["link-fuzz", "--connections", "0"], "at least 1"),
    ],
)
def test_a_wrong_command_line_ends_with_usage(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


async def test_a_question_is_answered() -> None:
    async def question(options: Options) -> Report:
        return Report(f"{options.seconds}", ())

    assert await ask(question, Options(3.0)) == Report("3.0", ())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_a_question_in_order(number: signal.Signals) -> None:
    cleaned = []

    async def question(_options: Options) -> Report:
        try:
            os.kill(os.getpid(), number)
            await trio.sleep_forever()
        finally:
            cleaned.append(True)

    with trio.fail_after(20):
        assert await ask(question, Options()) is None
    assert cleaned == [True]
