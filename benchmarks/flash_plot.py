"""What the suite ``flash`` found, as a picture and a table in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Found:
    """Seconds of each way at one delay.

    Attributes:
        delay: round trip, milliseconds.
        here: the job without gateway and network, measured just before.
        job: between the first request to the control unit and the last answer.
        ordered: between the operator's order and its end as the operator sees it.
        blocks: each block an exchange.
        frames: likewise, with ISO-TP at the gateway.
    """

    delay: int
    here: float
    job: float
    ordered: float
    blocks: float
    frames: float


def draw(folder: Path, size: int, block: int, found: list[Found]) -> None:
    """Draw the ways over the round trip, and write the same as a table."""
    # Slow to import, and needed by nobody else.
    from matplotlib.figure import Figure  # noqa: PLC0415

    folder.mkdir(exist_ok=True)
    delays = [one.delay for one in found]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(delays, [one.frames for one in found], "s-", label="flow control over the link")
    axes.plot(delays, [one.blocks for one in found], "^-", label="block by block over the link")
    axes.plot(delays, [one.job for one in found], "o-", label="job at the connector")
    here = [one.here for one in found]
    axes.plot(delays, here, color="gray", linestyle=":", label="at the vehicle")
    axes.set_xlabel("round trip between connector and gateway, ms")
    axes.set_ylabel("seconds")
    axes.set_title(f"Flashing {size >> 10} KiB, classic CAN 500 kbit/s, blocks of {block} bytes")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(folder / "flash.png", dpi=120)
    titles = "at the vehicle s | job s | order to end s | block by block s | flow control s"
    lines = [f"| round trip ms | {titles} |", "| ---: " * 6 + "|"]
    for one in found:
        ways = (one.here, one.job, one.ordered, one.blocks, one.frames)
        lines.append(f"| {one.delay} | " + " | ".join(f"{way:.2f}" for way in ways) + " |")
    (folder / "flash.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
