from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart import Response, request
from quart_trio import QuartTrio

from gateway.domain.errors import Invalid
from gateway.web.bodies import LooseText, RowId, from_json, read_form, read_json


class Line(msgspec.Struct):
    product_id: RowId
    quantity: int = 1


class Order(msgspec.Struct):
    reference: str
    lines: list[Line] = []
    phone: LooseText | None = None
    confirmed: bool = False


def test_a_good_body_becomes_the_record() -> None:
    data = b'{"reference": "R1", "lines": [{"product_id": 7}], "unknown": 1}'
    assert from_json(data, Order) == Order("R1", [Line(7)])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reference"),
        ({"reference": 1}, "reference"),
        ({"reference": "R", "lines": [{}]}, "lines[0].product_id"),
        ({"reference": "R", "lines": [{"product_id": "x"}]}, "lines[0].product_id"),
        ({"reference": "R", "lines": [{"product_id": 2**63}]}, "lines[0].product_id"),
        ({"reference": "R", "lines": 5}, "lines"),
        ({"reference": "R", "phone": True}, "phone"),
        ({"reference": "R\0"}, "reference"),
        ({"reference": "R", "lines": [{"product_id": 1, "note": "\0"}]}, "lines[0].note"),
        ([], None),
        (None, None),
    ],
)
def test_a_wrong_body_names_the_field(body: object, field: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(json.dumps(body).encode(), Order)
    assert refused.value.field == field
    assert refused.value.detail.endswith(".")


def test_lax_takes_numbers_and_booleans_written_as_text() -> None:
    data = b'{"reference": "R", "lines": [{"product_id": "7"}], "confirmed": "true"}'
    with pytest.raises(Invalid):
        from_json(data, Order)
    assert from_json(data, Order, lax=True) == Order("R", [Line(7)], confirmed=True)


def test_loose_text_takes_what_some_clients_send_as_a_number() -> None:
    assert from_json(b'{"reference": "R", "phone": 31201234567}', Order).phone == "31201234567"
    assert from_json(b'{"reference": "R", "phone": "0031"}', Order).phone == "0031"
    assert from_json(b'{"reference": "R", "phone": null}', Order).phone is None


@pytest.mark.parametrize(
    "data", [b"{", b"nonsense", b'"\xff"', b'{"reference": "\\ud800"}', b"[" * 100_000, b"1e999"]
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="not JSON"):
        from_json(data, Order)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_record_or_a_refusal(data: bytes) -> None:
    with suppress(Invalid):
        assert isinstance(from_json(data, Order, lax=True), Order)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "lines", "phone", "product_id"]), inner)
    ),
    max_leaves=8,
)


@given(json_values, st.booleans())
def test_any_json_gives_a_record_or_a_refusal(value: Any, lax: bool) -> None:
    with suppress(Invalid):
        order = from_json(json.dumps(value).encode(), Order, lax=lax)
        assert "\0" not in order.reference


class Grant(msgspec.Struct):
    grant_type: str
    expires_in: int = 0


def _app() -> QuartTrio:
    app = QuartTrio(__name__)

    @app.post("/json")
    async def take_json() -> Response:
        return Response(msgspec.json.encode(await read_json(request, Order)))

    @app.post("/form")
    async def take_form() -> Response:
        return Response(msgspec.json.encode(await read_form(request, Grant)))

    @app.errorhandler(Invalid)
    async def refuse(error: Invalid) -> tuple[dict[str, str | None], int]:
        return {"code": error.code, "field": error.field}, 400

    return app


async def test_json_is_read_from_a_request_whatever_its_content_type() -> None:
    client = _app().test_client()
    response = await client.post("/json", data=b'{"reference": "R"}')
    assert (await response.get_json(force=True))["reference"] == "R"
    response = await client.post(
        "/json", data=b'{"reference": "R"}', headers={"Content-Type": "text/plain"}
    )
    assert response.status_code == 200


async def test_an_absent_body_is_refused_as_absent() -> None:
    response = await _app().test_client().post("/json", data=b" ")
    assert (response.status_code, (await response.get_json())["code"]) == (400, "body.missing")


async def test_a_form_is_read_as_a_record() -> None:
    client = _app().test_client()
    response = await client.post("/form", form={"grant_type": "x", "expires_in": "5"})
    assert await response.get_json(force=True) == {"grant_type": "x", "expires_in": 5}
    response = await client.post("/form", form={"expires_in": "5"})
    assert await response.get_json() == {"code": "body.field", "field": "grant_type"}
    response = await client.post("/form", form={"grant_type": "a\0b"})
    assert (await response.get_json())["field"] == "grant_type"
