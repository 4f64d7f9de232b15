from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Conflict
from gateway.sessions.leases import Leases

CAR, VAN = UUID(int=1), UUID(int=2)


def test_one_writer_for_each_vehicle() -> None:
    leases = Leases()
    assert leases.try_acquire(CAR, "a")
    assert leases.try_acquire(CAR, "a"), "it has it already"
    assert not leases.try_acquire(CAR, "b")
    assert leases.try_acquire(VAN, "b")
    assert leases.holds(CAR, "a")
    assert not leases.holds(CAR, "b")
    leases.require(CAR, "a")
    with pytest.raises(Conflict) as refused:
        leases.require(CAR, "b")
    assert refused.value.code == "session.no_lease"
    assert "POST .../lease" in refused.value.detail


def test_a_lease_is_given_up_by_its_holder_alone() -> None:
    leases = Leases()
    leases.try_acquire(CAR, "a")
    assert not leases.release(CAR, "b")
    assert not leases.release(VAN, "a")
    assert leases.release(CAR, "a")
    assert not leases.release(CAR, "a")
    assert leases.try_acquire(CAR, "b")


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "release"]),
            st.sampled_from([CAR, VAN]),
            st.sampled_from("abc"),
        )
    )
)
def test_never_two_holders(steps: list[tuple[str, UUID, str]]) -> None:
    leases = Leases()
    for what, vehicle, session in steps:
        if what == "acquire":
            held = leases.try_acquire(vehicle, session)
            assert held is leases.holds(vehicle, session)
        else:
            leases.release(vehicle, session)
            assert not leases.holds(vehicle, session)
        for each in (CAR, VAN):
            assert sum(leases.holds(each, name) for name in "abc") <= 1
