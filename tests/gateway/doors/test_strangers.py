from __future__ import annotations

from gateway.doors.strangers import REMEMBERED, WINDOW, Strangers


def test_some_wrong_keys_are_heard_and_then_none_for_a_while() -> None:
    strangers = Strangers(3)
    for second in range(3):
        assert strangers.may_try("192.0.2.1", second)
        strangers.tried("192.0.2.1", second)
    assert not strangers.may_try("192.0.2.1", 3)
    assert strangers.may_try("192.0.2.2", 3)
    assert not strangers.may_try("192.0.2.1", WINDOW - 0.1)
    assert strangers.may_try("192.0.2.1", WINDOW)


def test_memory_is_bounded() -> None:
    strangers = Strangers(1)
    for number in range(REMEMBERED + 1):
        strangers.tried(f"198.51.100.{number}", 0)
    assert strangers.may_try("198.51.100.0", 1)
    assert not strangers.may_try("198.51.100.1", 1)
