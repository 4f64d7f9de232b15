"""A recording becomes a vehicle: who is in it, what buses sound like, what cannot be played."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import open_bus
from firmware_sim.vehicle.replay import UNKNOWN_VIN, ReplayError, load_replay
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget
from protocols.recording.codec import MAGIC, encode
from protocols.recording.records import Answered, Began, Exchange, Frames, Record

VIN = "WVWZZZAUZHP341562"


def began(*, kinds: tuple[str, ...] = ("can",), vin: str | None = VIN) -> Began:
    return Began(1, "5e" * 16, 0, "u", vin, "o", None, ("can0", "can1")[: len(kinds)], kinds)


def asked(
    target: CanTarget | DoipTarget | FunctionalTarget,
    request: str,
    *answers: tuple[int, str],
    failure: str | None = None,
) -> Exchange:
    told = tuple(Answered(source, bytes.fromhex(data), 0, 0, 9_000) for source, data in answers)
    return Exchange(1, target, bytes.fromhex(request), told, failure, "rest")


def write(path: Path, *records: Record, cut: int = 0) -> Path:
    data = MAGIC + b"".join(map(encode, records))
    path.write_bytes(data[: len(data) - cut])
    return path


ENGINE = CanTarget(0x7E0, 0x7E8)


def test_every_control_unit_that_was_met_is_there(tmp_path: Path) -> None:
    extended = CanTarget(0x6F1, 0x612, mode="extended", target_address=0x12, source_address=0xF1)
    fixed = CanTarget(0x18DA10F1, 0x18DAF110, extended=True, mode="normal_fixed")
    path = write(
        tmp_path / "r.dgrec",
        began(),
        asked(ENGINE, "22F187", (0x7E8, "62F18701")),
        asked(extended, "1003", (0x612, "5003")),
        asked(fixed, "1003", failure="no_response"),
        asked(FunctionalTarget(), "3E00", (0x7E8, "7E00"), (0x7EB, "7E00"), (0x612, "7E00")),
        asked(ENGINE, "22F188", failure="abandoned"),
    )
    replay = load_replay(path)
    assert (replay.spec.kind, replay.spec.vin) == ("can", VIN)
    assert [ecu.name for ecu in replay.spec.ecus] == ["7E0", "6F1-12", "18DA10F1", "7E3"]
    engine = replay.ecus["7E0"]
    assert [r.payload.hex() for r in engine.handle(bytes.fromhex("22F187"), 0.0)] == ["62f18701"]
    assert [r.payload.hex() for r in engine.handle(bytes.fromhex("22F188"), 0.0)] == ["7f2211"]
    assert replay.ecus["18DA10F1"].handle(b"\x10\x03", 0.0) == []


def test_a_doip_vehicle(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.dgrec",
        began(kinds=("doip",), vin="nonsense"),
        asked(DoipTarget(0x1000), "1003", (0x1000, "5003")),
        asked(FunctionalTarget(), "3E00", (0x1001, "7E00")),
    )
    spec = load_replay(path).spec
    assert (spec.kind, spec.vin, spec.gateway_address) == ("doip", UNKNOWN_VIN, 0x1002)
    assert [ecu.logical_address for ecu in spec.ecus] == [0x1000, 0x1001]


def test_a_cut_file_is_good_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.dgrec",
        began(),
        asked(ENGINE, "1003", (0x7E8, "5003")),
        asked(CanTarget(0x7E1, 0x7E9), "1003"),
        cut=3,
    )
    assert [ecu.name for ecu in load_replay(path).spec.ecus] == ["7E0"]


def test_what_cannot_be_replayed_says_why(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="No such file"):
        load_replay(tmp_path / "none.dgrec")
    other = tmp_path / "other"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ReplayError, match="no recording"):
        load_replay(other)
    with pytest.raises(ReplayError, match="empty"):
        load_replay(write(tmp_path / "empty.dgrec"))
    with pytest.raises(ReplayError, match="no control unit"):
        load_replay(write(tmp_path / "silent.dgrec", began()))


async def test_frames_are_played_with_their_timing_and_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    stamps = (5_000_000, 5_250_000, 6_000_000)
    frames = [CanFrame(0x100 + n, b"\1", timestamp_us=at) for n, at in enumerate(stamps)]
    own = CanFrame(0x7E8, b"\3\x7f\x22\x11", timestamp_us=5_100_000)
    sent = Frames(1, 0, True, encode_batch(0, [CanFrame(0x200)]))
    path = write(
        tmp_path / "r.dgrec",
        began(),
        asked(ENGINE, "1003", (0x7E8, "5003")),
        Frames(1, 0, False, encode_batch(0, [frames[0], own, *frames[1:]])),
        sent,
    )
    heard: list[tuple[int, float]] = []
    replay = load_replay(path)
    async with open_bus("virtual:replay-test") as vehicle, open_bus("virtual:replay-test") as plug:
        with plug.monitor(lambda _: True, 64) as feed:
            async with trio.open_nursery() as nursery:
                began_at = trio.current_time()
                nursery.start_soon(replay.play, vehicle, 0)
                while len(heard) < 4:
                    await feed.wait()
                    now = trio.current_time() - began_at
                    heard += [(frame.id, round(now, 2)) for frame in feed.take_nowait()]
                nursery.cancel_scope.cancel()
    assert heard == [(0x100, 0.0), (0x101, 0.25), (0x102, 1.0), (0x100, 2.0)]
