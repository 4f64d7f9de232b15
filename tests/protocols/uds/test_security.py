"""Security access: the table, the codes, the delay to the microsecond."""

from collections.abc import Callable

import pytest

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.uds.security import (
    TABLE,
    SecurityAccess,
    SecurityParams,
    SecurityState,
    SecurityTrigger,
)

PARAMS = SecurityParams(levels=frozenset({1, 3}), attempts=3, delay=10.0)


def refused(act: Callable[[], object]) -> int | None:
    with pytest.raises(RemoteProtocolError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize("state", SecurityState)
@pytest.mark.parametrize("trigger", SecurityTrigger)
def test_every_pair_of_the_table(state: SecurityState, trigger: SecurityTrigger) -> None:
    if (state, trigger) in TABLE.transitions:
        assert TABLE.step(state, trigger) in SecurityState
    else:
        with pytest.raises(LocalProtocolError, match=trigger.name):
            TABLE.step(state, trigger)


def test_every_state_is_reachable_from_every_other() -> None:
    assert all(TABLE.reachable(state) == set(SecurityState) for state in SecurityState)


def test_seed_and_key_open_a_level() -> None:
    access = SecurityAccess(PARAMS)
    assert access.request_seed(1, 0.0) is True
    access.present_key(1, correct=True, now=0.1)
    assert access.unlocked == 1
    assert access.request_seed(1, 0.2) is False
    assert access.request_seed(3, 0.3) is True
    assert access.unlocked == 1
    access.present_key(3, correct=True, now=0.4)
    assert access.unlocked == 3


def test_a_key_needs_a_seed_of_its_level_each_time() -> None:
    access = SecurityAccess(PARAMS)
    assert refused(lambda: access.present_key(1, correct=True, now=0.0)) == 0x24
    access.request_seed(1, 0.0)
    assert refused(lambda: access.present_key(3, correct=True, now=0.0)) == 0x24
    assert refused(lambda: access.present_key(1, correct=True, now=0.0)) == 0x24
    access.request_seed(1, 0.0)
    assert refused(lambda: access.present_key(1, correct=False, now=0.0)) == 0x35
    assert refused(lambda: access.present_key(1, correct=True, now=0.0)) == 0x24
    assert access.unlocked is None


def lock_out(access: SecurityAccess, now: float) -> None:
    for code in (0x35, 0x35, 0x36):
        access.request_seed(1, now)
        assert refused(lambda: access.present_key(1, correct=False, now=now)) == code


def test_too_many_wrong_keys_start_the_delay() -> None:
    access = SecurityAccess(PARAMS)
    lock_out(access, 5.0)
    assert access.next_deadline() == 15.0
    assert refused(lambda: access.request_seed(1, 14.999999)) == 0x37
    assert refused(lambda: access.present_key(1, correct=True, now=14.999999)) == 0x37
    assert access.request_seed(1, 15.0) is True
    assert access.next_deadline() is None


def test_after_the_delay_one_wrong_key_is_enough_and_a_right_one_clears_the_count() -> None:
    access = SecurityAccess(PARAMS)
    lock_out(access, 0.0)
    access.handle_deadline(10.0)
    assert access.failures == 2
    access.request_seed(3, 10.0)
    assert refused(lambda: access.present_key(3, correct=False, now=10.0)) == 0x36
    access.handle_deadline(20.0)
    access.request_seed(3, 20.0)
    access.present_key(3, correct=True, now=20.0)
    assert (access.failures, access.unlocked) == (0, 3)
    lock_out(access, 21.0)


def test_relocking_closes_the_level_and_forgets_the_seed_but_not_the_delay() -> None:
    access = SecurityAccess(PARAMS)
    access.request_seed(1, 0.0)
    access.present_key(1, correct=True, now=0.0)
    access.request_seed(3, 0.0)
    access.relock()
    assert access.unlocked is None
    assert refused(lambda: access.present_key(3, correct=True, now=0.0)) == 0x24
    lock_out(access, 0.0)
    access.relock()
    assert (access.state, access.next_deadline()) == (SecurityState.DELAYED, 10.0)


def test_an_unknown_level_is_refused_before_anything_else() -> None:
    access = SecurityAccess(PARAMS)
    assert refused(lambda: access.request_seed(5, 0.0)) == 0x12
    assert refused(lambda: access.present_key(5, correct=True, now=0.0)) == 0x12


@pytest.mark.parametrize(
    ("levels", "attempts", "delay"),
    [({2}, 3, 1.0), ({0x7F}, 3, 1.0), ({-1}, 3, 1.0), ({1}, 0, 1.0), ({1}, 1, 0.0)],
)
def test_impossible_parameters_are_refused(levels: set[int], attempts: int, delay: float) -> None:
    with pytest.raises(LocalProtocolError):
        SecurityParams(frozenset(levels), attempts, delay)
