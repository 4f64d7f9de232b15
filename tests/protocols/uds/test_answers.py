"""Which answer belongs to which request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.uds.answers import AnswerKind, Expectation

BELONGS = [
    ("1003", "5003003201F4"),
    ("1083", "5003003201F4"),
    ("1101", "5101"),
    ("14FFFFFF", "54"),
    ("1902FF", "5902FF"),
    ("22F190", "62F19041"),
    ("22F190F18C", "62F19041F18C42"),
    ("22F190F18C", "62F18C42"),
    ("2340000010", "63AABBCC"),
    ("2701", "67011234"),
    ("28 0003", "6800"),
    ("2AF001", "6A"),
    ("2E0100AA", "6E0100"),
    ("2F010203", "6F010203"),
    ("3101FF00", "7101FF0000"),
    ("340044000000000000", "74200FFF"),
    ("3601AABB", "7601"),
    ("37", "77"),
    ("3E00", "7E00"),
    ("8502", "C502"),
    ("BA0102", "FA99"),
    ("010C", "410C1AF8"),
    ("010C0D", "410D20"),
    ("020C00", "420C001AF8"),
    ("03", "430101"),
    ("04", "44"),
    ("0600", "4600C0000001"),
    ("07", "47"),
    ("0902", "490201"),
    ("0A", "4A"),
]
FOREIGN = [
    ("22F190", "62F18C41"),
    ("22F190", "62F1"),
    ("22F190", "6EF190"),
    ("22F190", "7F1031"),
    ("22F190", "7F22"),
    ("22F190", ""),
    ("3101FF00", "7102FF00"),
    ("3101FF00", "7101FF01"),
    ("2701", "6703"),
    ("3601AABB", "7602"),
    ("1003", "5001"),
    ("010C", "410D20"),
    ("0902", "4904"),
]


@pytest.mark.parametrize(("request_", "payload"), BELONGS)
def test_a_positive_answer_repeats_what_was_asked(request_: str, payload: str) -> None:
    expected = Expectation.of(bytes.fromhex(request_))
    assert expected.kind_of(bytes.fromhex(payload)) is AnswerKind.FINAL


@pytest.mark.parametrize(("request_", "payload"), FOREIGN)
def test_an_answer_to_something_else_is_foreign(request_: str, payload: str) -> None:
    expected = Expectation.of(bytes.fromhex(request_))
    assert expected.kind_of(bytes.fromhex(payload)) is AnswerKind.FOREIGN


@pytest.mark.parametrize(
    ("request_", "code", "kind"),
    [
        ("22F190", 0x31, AnswerKind.FINAL),
        ("22F190", 0x78, AnswerKind.PENDING),
        ("22F190", 0x21, AnswerKind.BUSY),
        ("22F190", 0x94, AnswerKind.BUSY),
        ("2701", 0x78, AnswerKind.PENDING),
        ("2701", 0x21, AnswerKind.FINAL),
        ("2902", 0x94, AnswerKind.FINAL),
        ("0104", 0x12, AnswerKind.FINAL),
    ],
)
def test_what_a_negative_answer_means(request_: str, code: int, kind: AnswerKind) -> None:
    request_bytes = bytes.fromhex(request_)
    answer = bytes([0x7F, request_bytes[0], code])
    assert Expectation.of(request_bytes).kind_of(answer) is kind


@pytest.mark.parametrize(
    ("request_", "suppressed"),
    [
        ("3E80", True),
        ("3E00", False),
        ("1083", True),
        ("3181FF00", True),
        ("22F190", False),  # 90 is half of an identifier
        ("2E8001AA", False),
        ("3681", False),
        ("0180", False),
        ("3E", False),
    ],
)
def test_only_sub_functions_can_ask_for_silence(request_: str, suppressed: bool) -> None:
    assert Expectation.of(bytes.fromhex(request_)).suppressed is suppressed


@pytest.mark.parametrize("payload", [b"", b"\x62\xf1\x90", b"\x7f\x22\x31", b"\xfa"])
def test_what_is_no_request_is_refused(payload: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="request"):
        Expectation.of(payload)


def test_a_cut_request_can_still_be_refused_by_the_ecu() -> None:
    expected = Expectation.of(b"\x22")
    assert expected.kind_of(bytes.fromhex("7F2213")) is AnswerKind.FINAL
    assert str(expected) == "ReadDataByIdentifier"


@given(
    st.integers(0, 0xBF).filter(lambda sid: not sid & 0x40), st.binary(max_size=12), st.binary()
)
def test_any_request_and_any_answer_have_a_kind(sid: int, tail: bytes, answer: bytes) -> None:
    assert Expectation.of(bytes([sid]) + tail).kind_of(answer) in AnswerKind
