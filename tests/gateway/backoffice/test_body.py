"""Bodies: any bytes give checked values or one refusal that names every wrong member."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.body import decode, values_of
from gateway.backoffice.catalogue.repair.customers import CUSTOMERS
from gateway.backoffice.catalogue.repair.work_orders import LINES, ORDERS
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.resource import Operation
from gateway.domain.errors import Invalid

CREATE, CHANGE = Operation.CREATE, Operation.CHANGE


@given(st.binary(max_size=40))
def test_any_bytes_are_an_object_or_refused(data: bytes) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(decode(data), dict)


@pytest.mark.parametrize("data", [b"[]", b"7", b"{", b'{"a": NaN}', b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        decode(data)


def test_fractions_stay_exact() -> None:
    assert decode(b'{"price": 2.675}') == {"price": Decimal("2.675")}
    assert decode(b"  ") == {}


def test_creation_names_everything_that_is_wrong() -> None:
    with pytest.raises(Unprocessable) as caught:
        values_of(LINES, CREATE, {"quantity": 0, "vat_rate": 101, "description": "x" * 256})
    assert set(caught.value.errors) == {"quantity", "vat_rate", "description", "unit_price"}
    assert caught.value.detail.endswith("(and 3 more)")


def test_a_change_takes_what_is_given_and_no_defaults() -> None:
    assert values_of(LINES, CHANGE, {"unit_price": Decimal("1.005")}) == {
        "unit_price": Decimal("1.01")
    }
    assert values_of(LINES, CHANGE, {}) == {}


def test_members_that_are_not_writable_are_ignored() -> None:
    body = {"customer_id": 1, "status": "completed", "ticket_no": "WO-1", "id": 5, "colour": "x"}
    assert values_of(ORDERS, CREATE, body) == {"customer_id": 1}
    assert values_of(ORDERS, CHANGE, body) == {"customer_id": 1, "status": "completed"}


def test_null_empties_only_what_may_be_empty() -> None:
    assert values_of(CUSTOMERS, CHANGE, {"email": None, "city": None}) == {
        "email": None, "city": None,
    }  # fmt: skip
    for name in ("first_name", "is_business"):
        with pytest.raises(Unprocessable, match=name):
            values_of(CUSTOMERS, CHANGE, {name: None})
