from __future__ import annotations

import threading

import pytest

from gateway.client.mailbox import Mailbox


def test_a_full_mailbox_drops_its_oldest_and_counts() -> None:
    box: Mailbox[int] = Mailbox(3)
    box.put_all(range(5))
    assert [box.get(0) for _ in range(4)] == [2, 3, 4, None]
    assert box.dropped == 2


def test_a_reader_is_woken() -> None:
    box: Mailbox[str] = Mailbox(3)
    threading.Timer(0.01, box.put_all, (["news"],)).start()
    assert box.get(2) == "news"
    assert box.get(0.001) is None


def test_what_waits_is_read_before_the_end_is_told() -> None:
    box: Mailbox[int] = Mailbox(3)
    box.put_all([1])
    box.close(KeyError("over"))
    box.close(ValueError("again"))
    assert box.get(None) == 1
    for _ in range(2):
        with pytest.raises(KeyError):
            box.get(None)
