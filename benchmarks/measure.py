"""What the processes in a measurement used, and what went over the connectors' sockets."""

from __future__ import annotations

import os
from dataclasses import dataclass

import trio

from benchmarks.harness import Figures
from benchmarks.peers.middle import Middle
from benchmarks.processes import Usage, usage, usage_with_children
from benchmarks.sockets import Traffic, traffic


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything at one moment.

    Attributes:
        at: the moment, seconds.
        middle: the gateway or peer.
        devices: the connectors' processes.
        operator: this process.
        wire: between connectors and middle, the middle's side.
    """

    at: float
    middle: Usage
    devices: Usage
    operator: Usage
    wire: Traffic


def read(middle: Middle) -> Reading:
    """Return how things stand."""
    return Reading(
        at=trio.current_time(),
        middle=usage(middle.service.pid),
        devices=usage_with_children(middle.devices.pid),
        operator=usage(os.getpid()),
        wire=traffic(middle.port),
    )


def shares(before: Reading, after: Reading) -> dict[str, float]:
    """Return how busy everybody was, in percent of one core."""
    pairs = {
        "CPU %": (before.middle, after.middle),
        "connectors CPU %": (before.devices, after.devices),
        "operator CPU %": (before.operator, after.operator),
    }
    elapsed = after.at - before.at
    return {
        heading: round(100 * (now.cpu_seconds - then.cpu_seconds) / elapsed, 1)
        for heading, (then, now) in pairs.items()
    }


def per_cpu_second(amount: float, before: Reading, after: Reading) -> float:
    """Return how much the middle did in a second of one core's time.

    Time in which somebody else computes does not count. It is not untouched by them, though:
    who shares a processor's caches and threads makes each second worth less.
    """
    spent = after.middle.cpu_seconds - before.middle.cpu_seconds
    return round(amount / max(spent, 0.01), 1)


def against(gateway: Figures | None, peer: Figures, heading: str) -> str:
    """Return how the gateway does against a peer, as a table says it; empty without one."""
    if gateway is None or not peer[heading]:
        return ""
    return f"gateway: {gateway[heading] / peer[heading]:.2g} x {heading}"
