from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doip.header import DoipError, Header, HeaderNack, parse_header
from protocols.errors import LocalProtocolError


@pytest.mark.parametrize(
    ("header", "golden"),
    [
        (Header(2, 0x0005, 7), "02FD000500000007"),
        (Header(3, 0x8001, 0x01020304), "03FC800101020304"),
        (Header(0xFF, 0x0001, 0), "FF00000100000000"),
    ],
)
def test_golden_headers(header: Header, golden: str) -> None:
    assert header.pack().hex().upper() == golden
    assert parse_header(bytes.fromhex(golden)) == header


@pytest.mark.parametrize(
    "data",
    [
        "02FE000500000007",  # inverse does not match
        "05FA000500000007",  # nobody has defined version 5
        "00FF000500000007",
        "FF00800100000007",  # FF is for identification requests alone
        "474554202F204854",  # an HTTP request
    ],
)
def test_bad_pattern_is_nack_00_and_closes(data: str) -> None:
    with pytest.raises(DoipError) as caught:
        parse_header(bytes.fromhex(data))
    assert caught.value.code == HeaderNack.IncorrectPatternFormat
    assert caught.value.close


@pytest.mark.parametrize(
    ("code", "closes"), [(0, True), (1, False), (2, False), (3, False), (4, True)]
)
def test_which_errors_close(code: int, closes: bool) -> None:
    assert DoipError("x", code=code).close is closes


def test_silence_never_closes() -> None:
    assert not DoipError("x").close


def test_what_does_not_fit_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError, match="does not fit"):
        Header(2, 0x10000, 0).pack()


@given(
    st.sampled_from([1, 2, 3, 4]),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
)
def test_round_trip(version: int, payload_type: int, length: int) -> None:
    header = Header(version, payload_type, length)
    assert parse_header(header.pack()) == header
