"""The engine against can-isotp as it comes: same frames, same payloads, no clock, no log."""

import time
from collections import deque

import isotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isotp.protocol import TransportLayerLogic
from typing_extensions import override

from protocols.can.frame import CanFrame
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.engine import Engine
from protocols.isotp.params import IsoTpParams

TESTER = IsoTpAddress.obd_11(0)
EXTENDED = IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1)
PARAMS = st.builds(
    IsoTpParams,
    blocksize=st.integers(0, 20),
    padding=st.sampled_from([None, 0xAA]),
    can_fd=st.just(True),
    tx_data_length=st.sampled_from([8, 12, 64]),
)


class PlainEngine(Engine):
    """The engine without its short ways: every frame goes through can-isotp."""

    @override
    def extend(self, frame: CanFrame) -> bool:
        del frame
        return False

    @override
    def _stream(self, out: list[CanFrame], limit: int) -> None:
        del out, limit


def taken(layer: TransportLayerLogic) -> bytes | None:
    payload = layer.recv()
    return None if payload is None else bytes(payload)


def carry(sender: Engine, receiver: Engine, payload: bytes) -> tuple[list[CanFrame], bytes | None]:
    """Send a payload from one engine to the other; return all frames and what arrived."""
    frames: list[CanFrame] = []
    sender.submit(payload)
    while True:
        ahead: list[CanFrame] = []
        back: list[CanFrame] = []
        sender.transmit(ahead, 50)
        for frame in ahead:
            if not receiver.extend(frame):
                receiver.receive(frame)
                receiver.transmit(back, 50)
        for frame in back:
            sender.receive(frame)
        frames += ahead + back
        if not ahead and not back:
            return frames, taken(receiver)


@pytest.mark.slow
@given(
    params=PARAMS,
    payload=st.binary(min_size=1, max_size=600),
    address=st.sampled_from([TESTER, EXTENDED]),
)
def test_the_short_ways_change_nothing(
    params: IsoTpParams, payload: bytes, address: IsoTpAddress
) -> None:
    fast = carry(Engine(address, params, 0.0), Engine(address.mirrored(), params, 0.0), payload)
    plain = carry(
        PlainEngine(address, params, 0.0), PlainEngine(address.mirrored(), params, 0.0), payload
    )
    assert fast == plain
    assert fast[1] == payload


class Original:
    """can-isotp as it comes, at the far end of a wire."""

    def __init__(self, address: IsoTpAddress, params: IsoTpParams) -> None:
        self.inbox: deque[isotp.CanMessage] = deque()
        self.outbox: list[CanFrame] = []
        self.layer = TransportLayerLogic(
            lambda _timeout: self.inbox.popleft() if self.inbox else None,
            self._put,
            address.to_isotp(),
            params=params.to_isotp(),
        )

    def _put(self, message: isotp.CanMessage) -> None:
        self.outbox.append(
            CanFrame(
                message.arbitration_id,
                bytes(message.data),
                message.is_extended_id,
                message.is_fd,
                message.bitrate_switch,
            )
        )

    def exchange(self, frames: list[CanFrame]) -> list[CanFrame]:
        self.inbox.extend(
            isotp.CanMessage(f.id, len(f.data), f.data, f.extended, f.fd, f.brs) for f in frames
        )
        self.layer.process()
        out, self.outbox = self.outbox, []
        return out


@pytest.mark.slow
@given(params=PARAMS, payload=st.binary(min_size=1, max_size=300))
def test_can_isotp_understands_us_and_we_understand_it(
    params: IsoTpParams, payload: bytes
) -> None:
    ours, theirs = Engine(EXTENDED, params, 0.0), Original(EXTENDED.mirrored(), params)
    ours.submit(payload)
    theirs.layer.send(payload[::-1])
    frames: list[CanFrame] = []
    ours.transmit(frames, 1000)
    for _ in range(300):
        answers = theirs.exchange(frames)
        frames = []
        for answer in answers:
            if not ours.extend(answer):
                ours.receive(answer)
                ours.transmit(frames, 1000)
    assert taken(theirs.layer) == payload
    assert taken(ours) == payload[::-1]
    assert ours.faults == []


def test_what_the_engine_builds_upon_is_there() -> None:
    for name in ("_process_rx", "_process_tx", "_stop_sending", "_stop_receiving", "load_params"):
        assert callable(getattr(TransportLayerLogic, name))
    names = {"rx_buffer", "actual_rxdl", "last_seqnum", "tx_seqnum", "tx_block_counter"}
    assert names <= set(vars(Engine(TESTER, IsoTpParams(), 0.0)))


def test_neither_clock_nor_sleep_nor_log_is_touched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: object) -> float:
        raise AssertionError("the engine asked for the time")

    for name in ("time", "sleep", "monotonic", "perf_counter", "perf_counter_ns"):
        monkeypatch.setattr(time, name, forbidden)
    tester = Engine(TESTER, IsoTpParams(blocksize=3), 5.0)
    ecu = Engine(TESTER.mirrored(), IsoTpParams(blocksize=3), 5.0)
    frames, received = carry(tester, ecu, bytes(300))
    tester.submit(bytes(100))
    tester.transmit(frames, 1000)
    tester.instant.now = 6.0
    tester.transmit(frames, 1000)
    monkeypatch.undo()
    assert received == bytes(300)
    assert [type(fault).__name__ for fault in tester.faults] == ["FlowControlTimeoutError"]
    assert caplog.records == []


def test_more_than_the_rate_limiter_would_let_through_goes_out() -> None:
    params = IsoTpParams(can_fd=True, tx_data_length=64, max_frame_size=4_000_000)
    payload = bytes(3_000_000)  # the limiter of can-isotp stops at 2.5 million in 0.2 s
    tester, ecu = Engine(TESTER, params, 0.0), Engine(TESTER.mirrored(), params, 0.0)
    tester.submit(payload)
    first: list[CanFrame] = []
    tester.transmit(first, 1)
    ecu.receive(first[0])
    control: list[CanFrame] = []
    ecu.transmit(control, 1)
    tester.receive(control[0])
    rest: list[CanFrame] = []
    tester.transmit(rest, 100_000)
    assert sum(len(frame.data) - 1 for frame in rest) >= 3_000_000 - 62
