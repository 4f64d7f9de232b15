from __future__ import annotations

import pytest

from gateway.runtime.metrics import Metrics


def test_asking_twice_gives_the_same_instrument() -> None:
    metrics = Metrics()
    metrics.counter("links", "Links", ("state",)).labels("up").inc()
    metrics.counter("links", "Links", ("state",)).labels("up").inc()
    page, _ = metrics.exposition(None)
    assert b'gateway_links_total{state="up"} 2.0' in page


def test_asking_differently_is_a_mistake() -> None:
    metrics = Metrics()
    metrics.counter("links", "Links")
    with pytest.raises(ValueError, match="another kind"):
        metrics.gauge("links", "Links")
    with pytest.raises(ValueError, match="another kind"):
        metrics.counter("links", "Links", ("state",))


def test_two_applications_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.gauge("open", "Open").set(3)
    other.gauge("open", "Open").set(4)
    assert b"gateway_open 3.0" in one.exposition(None)[0]
    assert b"gateway_open 4.0" in other.exposition(None)[0]


def test_histograms_count_into_their_buckets() -> None:
    metrics = Metrics()
    metrics.histogram("wait_seconds", "Wait", buckets=(0.1, 1.0)).observe(0.5)
    page, _ = metrics.exposition(None)
    assert b'gateway_wait_seconds_bucket{le="0.1"} 0.0' in page
    assert b'gateway_wait_seconds_bucket{le="1.0"} 1.0' in page


def test_the_page_comes_in_the_format_the_scraper_asks_for() -> None:
    metrics = Metrics()
    _, text = metrics.exposition("text/plain")
    page, open_metrics = metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert text.startswith("text/plain")
    assert open_metrics.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")
