from __future__ import annotations

from protocols.diagnosis.transfer_debts import Debt, Debts


def owed(*requests: str, functional: bool = False) -> list[str]:
    debts = Debts()
    for text in requests:
        debts.asked(bytes.fromhex(text), functional=functional)
        debts.answered(bytes.fromhex(text), functional=functional)
    return [debt.request.hex() for debt in debts.owed()]


def test_what_is_opened_is_owed_in_the_order_to_close_it() -> None:
    assert owed("1003", "8502", "280301") == ["280001", "8501", "1001"]
    assert owed("1083", "8582", "288303", functional=True) == ["288003", "8581", "1081"]
    assert owed("22f190", "3e00", "10", "3101ff00") == []


def test_what_was_closed_is_owed_no_more() -> None:
    assert owed("1003", "8502", "8501") == ["1001"]
    assert owed("1003", "280301", "280001") == ["1001"]
    assert owed("1003", "8502", "280301", "1001") == []
    assert owed("1003", "8502", "1101") == []


def test_it_is_owed_from_the_moment_it_is_asked_for() -> None:
    debts = Debts()
    assert debts.asked(b"\x10\x02", functional=False)
    assert not debts.asked(b"\x10\x03", functional=False), "the same is owed already"
    assert debts.owed() == (Debt(False, b"\x10\x01"),)
    debts.settle(Debt(False, b"\x10\x01"))
    assert not debts


def test_everybody_and_one_are_different_debtors() -> None:
    debts = Debts()
    debts.asked(b"\x10\x83", functional=True)
    debts.asked(b"\x10\x02", functional=False)
    assert debts.shared
    assert debts.session
    debts.answered(b"\x11\x01", functional=False)
    assert debts.owed() == (Debt(True, b"\x10\x81"),)
    debts.asked(b"\x10\x02", functional=False)
    debts.answered(b"\x10\x81", functional=True)
    assert not debts


def test_debts_survive_on_a_disk() -> None:
    debts = Debts()
    debts.asked(b"\x10\x02", functional=False)
    assert Debts(debts.owed()).owed() == debts.owed()
