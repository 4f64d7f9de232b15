"""What links do, in numbers for ``/metrics``.

Plain integers that are read when somebody scrapes: an exchange costs four messages, and a
Prometheus counter for each of them would show in its latency. Labels come from fixed sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from protocols.link.connection import Traffic
from protocols.link.messages import CloseCode

#: Why a connection did not become a link, besides the words of close codes: the gateway is full;
#: this connector flaps; too many came at once and were told so; or were not even told; no TLS,
#: and no websocket, came of it.
FULL, DAMPED, CROWD, UNHEARD = "full", "damped", "crowd", "unheard"
NO_TLS, NO_WEBSOCKET = "no_tls", "no_websocket"


@dataclass(slots=True)
class LinkCounters:
    """Counted since the start.

    Attributes:
        traffic: what all connections moved.
        links: handshakes that succeeded, by ``new`` and ``resumed``.
        superseded: connections that a newer one of their connector replaced.
        refused: connections that did not become a link, by reason.
        ended: links that ended, by close code.
        frames: raw frames that went through, by ``to_operator`` and ``to_vehicle``.
        frames_lost: raw frames dropped, by where: ``connector`` or ``operator``.
    """

    traffic: Traffic = field(default_factory=Traffic)
    links: Counter[str] = field(default_factory=Counter)
    superseded: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    frames_lost: Counter[str] = field(default_factory=Counter)


def code_word(code: int) -> str:
    """Return the label for a close code; a peer may send any number."""
    try:
        return CloseCode(code).name.lower()
    except ValueError:
        return "unknown"


class LinkCollector(Collector):
    """Shows the counters to a Prometheus registry.

    Args:
        counters: what was counted.
        connected: returns how many connections are up.
        handshakes: returns how many are in progress.
    """

    def __init__(
        self,
        counters: LinkCounters,
        connected: Callable[[], int],
        handshakes: Callable[[], int],
    ) -> None:
        self._counters = counters
        self._connected = connected
        self._handshakes = handshakes

    @override
    def collect(self) -> Iterator[Metric]:
        counters, traffic = self._counters, self._counters.traffic
        yield _gauge("connections", "Links that are up at this moment", self._connected())
        yield _gauge("handshakes", "Handshakes in progress", self._handshakes())
        yield _labelled("begun", "Handshakes that succeeded", "kind", counters.links)
        yield _labelled("refused", "Connections that became no link", "reason", counters.refused)
        yield _labelled("ended", "Links that ended", "code", counters.ended)
        yield _single("superseded", "Connections replaced by a newer one", counters.superseded)
        yield _ways("messages", "Messages of links", traffic.messages_in, traffic.messages_out)
        yield _ways("bytes", "Bytes of these messages", traffic.bytes_in, traffic.bytes_out)
        yield _ways("acks", "Messages that only acknowledge", traffic.acks_in, traffic.acks_out)
        yield _single("replayed", "Messages sent again after a reconnection", traffic.replayed)
        yield _single("duplicates", "Messages received again and dropped", traffic.duplicates)
        yield _labelled("frames", "Raw frames relayed", "way", counters.frames)
        yield _labelled("frames_lost", "Raw frames dropped", "where", counters.frames_lost)


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(f"gateway_link_{name}", description, value=value)


def _single(name: str, description: str, value: float) -> Metric:
    return CounterMetricFamily(f"gateway_link_{name}", description, value=value)


def _labelled(name: str, description: str, label: str, values: Counter[str]) -> Metric:
    family = CounterMetricFamily(f"gateway_link_{name}", description, labels=[label])
    for word, value in sorted(values.items()):
        family.add_metric([word], value)
    return family


def _ways(name: str, description: str, incoming: int, outgoing: int) -> Metric:
    return _labelled(name, description, "way", Counter({"in": incoming, "out": outgoing}))
