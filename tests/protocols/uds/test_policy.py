"""Times: checked, added up, and taken over from an ECU."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.uds.ecu import EcuParams
from protocols.uds.policy import ExchangePolicy


def test_the_margin_is_added_to_both() -> None:
    policy = ExchangePolicy(p2=0.05, p2_star=5.0, margin=0.25)
    assert (policy.p2_client, policy.p2_star_client) == (0.3, 5.25)


def test_times_are_adopted_from_a_change_of_session() -> None:
    adopted = ExchangePolicy(margin=0.2).adopt(bytes.fromhex("5003001901F4"))
    assert (adopted.p2, adopted.p2_star, adopted.margin) == (0.025, 5.0, 0.2)


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_what_an_ecu_states_is_what_a_tester_adopts(p2: int, p2_star: int) -> None:
    ecu = EcuParams(p2=p2 / 1000, p2_star=p2_star / 100)
    adopted = ExchangePolicy().adopt(b"\x50\x03" + ecu.timing_record)
    assert adopted.p2 == pytest.approx(ecu.p2)
    assert adopted.p2_star == pytest.approx(ecu.p2_star)


@pytest.mark.parametrize(
    "answer", ["", "50", "5003", "500300", "5003003201F400", "7F1012", "5101", "500300000000"]
)
def test_everything_else_changes_nothing(answer: str) -> None:
    policy = ExchangePolicy(p2=0.1, p2_star=3.0)
    assert policy.adopt(bytes.fromhex(answer)) == policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"p2": -0.1},
        {"pending_limit": float("nan")},
        {"p2": 0.0, "margin": 0.0},
        {"p2_star": 0.0, "margin": 0.0},
        {"busy_interval": -1.0},
        {"pending_count": -1},
    ],
)
def test_impossible_times_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LocalProtocolError, match="policy"):
        ExchangePolicy(**wrong)  # type: ignore[arg-type]
