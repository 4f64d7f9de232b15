from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.harness import (
    Report,
    Row,
    environment,
    latencies,
    medians,
    number,
    percentile,
    row_from,
    show,
)

REPORT = Report(
    "demo",
    (
        Row("gateway", {"per second": 1234.5, "p50 ms": 0.25}, "aim: more"),
        Row("relay", {"p50 ms": 0.125, "B each": 21.0}),
    ),
    {"commit": "abc"},
)


def test_percentile_takes_the_nearest_rank() -> None:
    hundred = [float(value) for value in range(100, 0, -1)]
    assert percentile(hundred, 0.5) == 50
    assert percentile(hundred, 0.99) == 99
    assert percentile(hundred, 1.0) == 100
    assert percentile([7.0], 0.01) == 7.0


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300),
    st.floats(0.001, 1, exclude_min=True),
)
def test_percentile_is_a_sample_that_so_many_do_not_exceed(
    samples: list[float], share: float
) -> None:
    found = percentile(samples, share)
    assert found in samples
    assert sum(value <= found for value in samples) >= share * len(samples) - 1e-6
    assert sum(value < found for value in samples) < share * len(samples) + 1e-6


def test_nothing_measured_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_latencies_are_milliseconds() -> None:
    assert latencies([0.001] * 99 + [0.5]) == {"p50 ms": 1.0, "p99 ms": 1.0}


def test_one_disturbed_round_does_not_count() -> None:
    rounds = [{"p99 ms": 3.0}, {"p99 ms": 900.0, "dropped": 1.0}, {"p99 ms": 4.0}]
    assert medians(rounds) == {"p99 ms": 4.0, "dropped": 1.0}


def test_row_from_counts_what_was_timed() -> None:
    row = row_from("it", [0.002] * 10, elapsed=2.0, note="why")
    assert row == Row("it", {"p50 ms": 2.0, "p99 ms": 2.0, "per second": 5.0}, "why")


def test_headings_are_those_of_all_rows_in_order() -> None:
    assert REPORT.headings == ("per second", "p50 ms", "B each")


def test_the_table_shows_every_figure_under_its_heading() -> None:
    out = io.StringIO()
    show(REPORT, Console(file=out, width=120))
    lines = out.getvalue().splitlines()
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert cells == [
        ["gateway", "1,234", "0.250", "", "aim: more"],
        ["relay", "", "0.125", "21", ""],
    ]
    assert "commit abc" in lines[-1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.0, "0"),
        (0.1234, "0.123"),
        (1.239, "1.24"),
        (12.34, "12.3"),
        (1e6, "1,000,000"),
    ],
)
def test_numbers_have_as_many_places_as_they_are_good_for(value: float | None, text: str) -> None:
    assert number(value) == text


def test_json_has_the_figures_beside_the_name() -> None:
    said = json.loads(json.dumps(REPORT.to_json()))
    assert said["rows"][1] == {"name": "relay", "p50 ms": 0.125, "B each": 21.0, "note": ""}
    assert said["environment"] == {"commit": "abc"}


def test_the_environment_says_what_numbers_belong_to() -> None:
    assert {"commit", "python", "cores", "load", "machine", "at"} == environment().keys()
