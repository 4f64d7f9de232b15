"""The machine of transfer jobs against a strict control unit, with everything that goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.diagnosis.transfer import TransferJob
from protocols.diagnosis.transfer_state import JobState
from protocols.errors import LocalProtocolError
from protocols.link.jobs import PIECE_SIZE, Recovery, Segment, Start, Step, StepKind
from protocols.link.messages import ExchangeResult
from tests.support.flash_ecu import FlashEcu, result_of
from tests.support.transfer_bench import (
    BEFORE,
    CHECK,
    EVERYBODY,
    IMAGE,
    IMAGE_MEMORY,
    POLL,
    SECURITY,
    TARGET,
    Bench,
    download,
    request,
    upload,
)

TROUBLES = ["lost", "unheard", "reset", "power", "pause", "counter"]

#: Requests of a whole flash without trouble.
WHOLE = 6 + 1 + (1 + 10 + 1) + (1 + 4 + 1) + 2


def flashed(ecu: FlashEcu) -> bool:
    return all(ecu.memory[at : at + len(data)] == data for at, data in IMAGE_MEMORY.items())


def written_rightly(ecu: FlashEcu) -> bool:
    """Tell whether every block ever written belongs where it went."""
    for place, data in ecu.written:
        start = max(at for at in IMAGE_MEMORY if at <= place)
        if IMAGE_MEMORY[start][place - start :][: len(data)] != data:
            return False
    return True


def is_safe(ecu: FlashEcu) -> bool:
    return ecu.session == 1 and not ecu.silenced and not ecu.dtc_off


def services(ecu: FlashEcu) -> list[int]:
    return [asked[0] for asked in ecu.log]


def test_a_flash_goes_by_its_procedure() -> None:
    bench = Bench()
    job = bench.run()
    assert job.state is JobState.DONE
    assert flashed(bench.ecu)
    assert len(bench.ecu.written) == 14, "each block once"
    blocks = [0x36] * 10 + [0x37, 0x34] + [0x36] * 4
    before = [0x10, 0x85, 0x28, 0x10, 0x27, 0x27, 0x31, 0x34]
    assert services(bench.ecu)[:-1] == [*before, *blocks, 0x37, 0x31, 0x11, 0x28, 0x85]
    assert is_safe(bench.ecu)
    progress = job.progress()
    assert progress.safe
    assert progress.place.transferred == progress.place.total == 400


def test_counters_run_over_from_ff_to_00() -> None:
    ecu = FlashEcu(bytearray(2000), block=3)
    image = bytes(range(256)) * 3
    order = download(image, segments=(Segment(0, 700),))
    bench = Bench(order, image, ecu)
    assert bench.run().state is JobState.DONE
    assert ecu.memory[:700] == image[:700]
    counters = [asked[1] for asked in ecu.log if asked[0] == 0x36]
    assert counters == [number & 0xFF for number in range(1, 701)]


@pytest.mark.slow
@given(number=st.integers(6, WHOLE), kind=st.sampled_from(["lost", "unheard"]))
def test_a_block_whose_answer_was_lost_goes_again_and_is_written_once(
    number: int, kind: str
) -> None:
    bench = Bench(troubles={number: kind})
    job = bench.run()
    if job.state is JobState.FAILED:  # a reset is not repeated
        assert job.progress().failure == "no_answer"
        return
    assert job.state is JobState.DONE
    assert flashed(bench.ecu)
    assert written_rightly(bench.ecu)
    lost_block = job.progress().restarts == 0
    assert len(bench.ecu.written) == 14 or not lost_block


@pytest.mark.slow
@given(
    troubles=st.dictionaries(st.integers(0, 80), st.sampled_from(TROUBLES), max_size=4),
    recovery=st.sampled_from([Recovery.WHOLE, Recovery.SEGMENT]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_the_memory_is_the_image_or_the_job_says_that_it_failed(
    troubles: dict[int, str], recovery: Recovery
) -> None:
    bench = Bench(download(recovery=recovery), troubles=troubles)
    job = bench.run()
    assert job.finished
    assert written_rightly(bench.ecu)
    if job.state is JobState.DONE:
        assert flashed(bench.ecu)
    else:
        assert job.progress().failure
    if job.progress().safe and "reset" not in troubles.values():
        assert is_safe(bench.ecu)


@pytest.mark.slow
@given(number=st.integers(0, WHOLE - 3), recovery=st.sampled_from(["whole", "segment"]))
def test_power_lost_at_any_request_is_made_good(number: int, recovery: str) -> None:
    bench = Bench(download(recovery=recovery), troubles={number: "power"})
    assert bench.run().state is JobState.DONE
    assert flashed(bench.ecu)
    assert written_rightly(bench.ecu)
    assert is_safe(bench.ecu)


def test_a_segment_that_is_done_is_not_sent_again_where_that_is_declared() -> None:
    order = download(recovery=Recovery.SEGMENT)
    ecu = FlashEcu(bytearray(0x600))
    bench = Bench(order, ecu=ecu, troubles={22: "power"})
    assert bench.run().state is JobState.DONE
    assert flashed(ecu)
    first = [place for place, _ in ecu.written if place < 0x400]
    assert len(first) == 10
    assert services(ecu).count(0x31) == 2, "one erase, one check"


@pytest.mark.slow
@given(number=st.integers(0, WHOLE - 2))
def test_an_abort_at_any_request_leads_to_the_default_session(number: int) -> None:
    bench = Bench(troubles={number: "abort"})
    job = bench.run()
    assert job.state is JobState.ABORTED
    assert job.progress().safe
    assert is_safe(bench.ecu)
    after = bench.ecu.log[number + 1 :]
    assert all(asked[0] in {0x10, 0x28, 0x85} for asked in after), "nothing else is sent any more"


@pytest.mark.slow
@given(number=st.integers(0, WHOLE - 3), later=st.integers(1, 3))
def test_power_lost_while_the_vehicle_is_restored(number: int, later: int) -> None:
    bench = Bench(troubles={number: "abort", number + later: "power"})
    assert bench.run().state is JobState.ABORTED
    assert is_safe(bench.ecu)


def test_declared_steps_restore_first_and_what_is_open_still_is_closed_after() -> None:
    wait = Step(StepKind.WAIT, wait_ms=500)
    order = download(restore=(request("1101"), wait, request("22f190", optional=True)))
    bench = Bench(order, troubles={9: "abort"})
    before = bench.now
    assert bench.run().state is JobState.ABORTED
    assert [asked.hex() for asked in bench.ecu.log[10:]] == [
        "1101",
        "22f190",
        "288001",
        "8581",
        "1081",
    ]
    assert bench.now - before > 0.5


def test_what_cannot_be_closed_is_said() -> None:
    silent = dict.fromkeys(range(9, 40), "lost")
    bench = Bench(download(repeats=1), troubles={8: "abort"} | silent)
    progress = bench.run().progress()
    assert not progress.safe
    assert "10 01" in progress.detail


def test_a_wrong_key_is_never_followed_by_another() -> None:
    bench = Bench(give_keys=False)
    job = bench.job
    job.image_at(len(IMAGE), bench.now)
    while not job.progress().seed:
        assert bench.once()
    assert job.progress().level == 1
    assert len(job.progress().seed) == 2
    job.take_key(b"\0\0", bench.now)
    bench.run()
    assert job.state is JobState.FAILED
    assert job.progress().failure == "refused"
    assert "35" in job.progress().detail
    assert services(bench.ecu).count(0x27) == 2
    assert is_safe(bench.ecu)


def test_a_key_that_does_not_come_ends_the_job_after_its_time() -> None:
    bench = Bench(download(key_ms=30_000), give_keys=False)
    job = bench.run()
    assert job.progress().failure == "no_key"
    assert bench.now > 130
    assert is_safe(bench.ecu)


def test_a_level_that_is_open_needs_no_key() -> None:
    again = (*BEFORE, SECURITY)
    bench = Bench(download(before=again))
    assert bench.run().state is JobState.DONE
    assert services(bench.ecu).count(0x27) == 3


def test_while_it_waits_it_says_whom_to_keep_alive() -> None:
    bench = Bench(give_keys=False)
    job = bench.job
    assert job.keep_alive() is None, "nothing is open"
    job.image_at(len(IMAGE), bench.now)
    job.next_request(bench.now)
    assert job.keep_alive() == EVERYBODY, "also while a request is at the control unit"
    alone = Bench(download(before=(request("1002"),)))
    alone.job.image_at(len(IMAGE), 0.0)
    alone.job.next_request(alone.now)
    assert alone.job.keep_alive() is None, "the request does it"
    alone.job.answered(result_of(alone.ecu.ask(b"\x10\x02")), alone.now)
    assert alone.job.keep_alive() == TARGET


def test_nothing_is_sent_before_the_whole_image_is_there() -> None:
    bench = Bench()
    bench.job.image_at(len(IMAGE) - 1, bench.now)
    assert bench.job.next_request(bench.now) is None
    bench.job.image_failed("bad_image", "its hash is another")
    assert bench.run().state is JobState.FAILED
    assert bench.ecu.log == []
    assert bench.job.progress().failure == "bad_image"


def test_an_image_that_does_not_come_ends_the_job() -> None:
    bench = Bench(download(image_ms=5_000))
    bench.job.handle_deadline(bench.now + 4.9)
    assert bench.job.state is JobState.WAITING
    bench.job.handle_deadline(bench.now + 5.0)
    assert bench.job.progress().failure == "no_image"


def test_ahead_of_its_image_it_waits_for_what_is_missing() -> None:
    image = bytes(6 * PIECE_SIZE)
    ecu = FlashEcu(bytearray(b"\1" * len(image)), block=4095)
    order = download(image, segments=(Segment(0, len(image)),), start=Start.AHEAD)
    bench = Bench(order, image, ecu)
    bench.job.image_at(4 * PIECE_SIZE, bench.now)
    while bench.once():
        assert not bench.job.finished
    assert bench.job.state is JobState.WAITING
    assert len(ecu.written) == 4 * PIECE_SIZE // 4093
    bench.job.image_at(5 * PIECE_SIZE, bench.now)
    assert bench.job.state is JobState.WAITING, "not worth going on for one piece"
    assert bench.run().state is JobState.DONE
    assert ecu.memory == image


def test_a_pause_keeps_the_place_and_ends_with_its_time() -> None:
    bench = Bench(download(pause_ms=60_000), troubles={12: "pause"})
    assert bench.run().state is JobState.DONE
    assert len(bench.ecu.written) == 14
    other = Bench(download(pause_ms=60_000))
    other.job.image_at(len(IMAGE), other.now)
    for _ in range(10):
        other.once()
    other.job.pause(other.now)
    assert other.job.next_request(other.now) is None
    other.job.handle_deadline(other.now + 60)
    assert other.job.progress().failure == "paused_too_long"


def test_recovery_has_its_bound() -> None:
    bench = Bench(download(restarts=2), troubles=dict.fromkeys(range(8, 500), "counter"))
    job = bench.run()
    assert job.progress().failure == "interrupted"
    assert job.progress().restarts == 3
    assert is_safe(bench.ecu)


@pytest.mark.parametrize("trouble", ["power", "counter"])
def test_an_order_without_recovery_fails(trouble: str) -> None:
    bench = Bench(download(recovery=Recovery.NONE), troubles={11: trouble})
    job = bench.run()
    assert job.state is JobState.FAILED
    assert job.progress().failure == "interrupted"
    assert is_safe(bench.ecu)


def test_a_check_with_another_result_is_a_failure() -> None:
    wrong = Step(StepKind.REQUEST, "check", CHECK.request, expect=bytes.fromhex("7101ff0101"))
    bench = Bench(download(after=(wrong,)))
    job = bench.run()
    assert job.progress().failure == "unexpected"
    assert "71 01 FF 01 00" in job.progress().detail


def test_an_optional_step_may_be_refused() -> None:
    bench = Bench(download(before=(*BEFORE, request("ba01", optional=True))))
    assert bench.run().state is JobState.DONE


@pytest.mark.parametrize("answer", ["74", "7400", "742000", "74200002", "7440ff"])
def test_a_block_length_that_cannot_be_is_no_reason_to_guess(answer: str) -> None:
    bench = Bench(download(before=()))
    bench.job.image_at(len(IMAGE), bench.now)
    assert bench.job.next_request(bench.now) is not None
    bench.job.answered(result_of(bytes.fromhex(answer)), bench.now)
    assert bench.job.progress().failure == "unexpected"


@pytest.mark.slow
@given(troubles=st.dictionaries(st.integers(2, 40), st.sampled_from(TROUBLES), max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_is_read_is_what_the_memory_holds(troubles: dict[int, str]) -> None:
    ecu = FlashEcu(bytearray(index * 7 & 0xFF for index in range(0x600)))
    bench = Bench(upload(), b"", ecu, troubles)
    job = bench.run()
    if job.state is JobState.DONE:
        assert bench.result[100:400] == ecu.memory[0x40 : 0x40 + 300]
        assert bench.result[:100] == ecu.memory[0x400 : 0x400 + 100]
    else:
        assert job.progress().failure


def test_more_data_than_was_asked_for_is_no_result() -> None:
    bench = Bench(upload(segments=(Segment(0, 10),), before=()), b"")
    bench.job.image_at(0, bench.now)
    bench.job.next_request(bench.now)
    bench.job.answered(result_of(bytes.fromhex("752022ff")[:4]), bench.now)
    bench.job.next_request(bench.now)
    bench.job.answered(result_of(b"\x76\x01" + bytes(11)), bench.now)
    assert bench.job.progress().failure == "unexpected"


def test_a_bus_in_trouble_gets_time() -> None:
    bench = Bench()
    job = bench.job
    job.image_at(len(IMAGE), bench.now)
    job.next_request(bench.now)
    job.answered(ExchangeResult(0, failure="transport", detail="bus can0 is gone"), bench.now)
    assert job.next_request(bench.now + 0.1) is None
    again = job.next_request(bench.now + 0.5)
    assert again is not None
    assert again.request == b"\x10\x83"


def test_asked_at_the_wrong_time_it_refuses_and_stays_as_it_is() -> None:
    bench = Bench()
    job = bench.job
    with pytest.raises(LocalProtocolError):
        job.resume(0.0)
    with pytest.raises(LocalProtocolError):
        job.take_key(b"\1", 0.0)
    with pytest.raises(LocalProtocolError):
        job.take_key(b"", 0.0)
    with pytest.raises(LocalProtocolError):
        job.answered(ExchangeResult(0), 0.0)
    assert job.progress().state is JobState.WAITING
    bench.run()
    with pytest.raises(LocalProtocolError):
        bench.job.abort("too late")
    assert bench.job.progress().state is JobState.DONE


def test_an_order_without_sense_is_no_job() -> None:
    with pytest.raises(LocalProtocolError, match="exceed 5 bytes"):
        TransferJob(download(b"short"), lambda _o, n: bytes(n), lambda _o, _d: None, 0.0)


def polling(step: Step = POLL, *, asks: int, troubles: dict[int, str] | None = None) -> Bench:
    """Return a flash whose check is started, and asked for until it is done."""
    order = download(after=(CHECK, step, request("1101")))
    ecu = FlashEcu(bytearray(0x600), asks_until_checked=asks)
    return Bench(order, ecu=ecu, troubles=troubles or {})


def polls(ecu: FlashEcu) -> int:
    return sum(asked == POLL.request for asked in ecu.log)


def test_a_routine_is_asked_for_its_results_until_it_is_done() -> None:
    bench = polling(asks=5)
    before = bench.now
    assert bench.run().state is JobState.DONE
    assert polls(bench.ecu) == 5
    assert 4 * 0.5 <= bench.now - before < 4 * 0.5 + 1
    assert is_safe(bench.ecu)


def test_a_routine_that_is_never_done_ends_the_job_at_its_limit_and_safely() -> None:
    bench = polling(asks=1_000)
    before = bench.now
    job = bench.run()
    assert (job.state, job.progress().failure) == (JobState.FAILED, "too_long")
    assert job.progress().detail.startswith("check: not done in 10 s")
    assert 10 <= bench.now - before < 12
    assert is_safe(bench.ecu)


def test_a_poll_that_may_fail_goes_on_at_its_limit() -> None:
    bench = polling(replace(POLL, optional=True), asks=1_000)
    assert bench.run().state is JobState.DONE


def test_a_negative_answer_can_mean_that_it_goes_on() -> None:
    bench = polling(replace(POLL, running=b"\x7f\x31\x22"), asks=0)
    ask, refusals = bench.ecu.ask, [b"\x7f\x31\x22"] * 3

    def refusing(request: bytes) -> bytes:
        answer = ask(request)
        return refusals.pop() if request == POLL.request and refusals else answer

    bench.ecu.ask = refusing  # type: ignore[method-assign]
    assert bench.run().state is JobState.DONE
    assert polls(bench.ecu) == 4


def test_another_negative_answer_to_a_poll_is_refused() -> None:
    bench = polling(asks=3)
    ask = bench.ecu.ask
    bench.ecu.ask = (  # type: ignore[method-assign]
        lambda request: b"\x7f\x31\x72" if request == POLL.request else ask(request)
    )
    assert bench.run().progress().failure == "refused"


def test_a_routine_that_ends_badly_ends_the_job() -> None:
    bench = polling(asks=2)
    bench.ecu.results = b"\x02\x01"
    progress = bench.run().progress()
    assert progress.failure == "unexpected"
    assert "71 03 FF 01 02 01 where" in progress.detail


@pytest.mark.parametrize("trouble", ["lost", "unheard"])
def test_a_lost_answer_to_a_poll_is_asked_for_again(trouble: str) -> None:
    bench = polling(asks=4, troubles={WHOLE: trouble, WHOLE + 1: trouble})
    assert bench.run().state is JobState.DONE


def test_a_pause_while_it_is_polled_does_not_count() -> None:
    bench = polling(asks=15, troubles={WHOLE: "pause"})
    while bench.job.state is not JobState.PAUSED:
        bench.job.image_at(len(IMAGE), bench.now)
        assert bench.once()
    bench.now += 60
    assert bench.run().state is JobState.DONE


def test_power_lost_while_it_is_polled_is_made_good() -> None:
    bench = polling(asks=4, troubles={WHOLE: "power"})
    assert bench.run().state is JobState.DONE
    assert flashed(bench.ecu)
    assert is_safe(bench.ecu)
