"""Names as ISO 14229-1 spells them, and negative answers taken apart."""

import pytest

from protocols.uds.names import (
    is_negative,
    negative,
    negative_response_name,
    service_name,
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x10, "generalReject"),
        (0x12, "subFunctionNotSupported"),
        (0x31, "requestOutOfRange"),
        (0x35, "invalidKey"),
        (0x38, "secureDataTransmissionRequired"),
        (0x78, "requestCorrectlyReceived-ResponsePending"),
        (0x94, "resourceTemporarilyNotAvailable"),
        (0xEE, "nrc 0xee"),
    ],
)
def test_codes_by_name(code: int, name: str) -> None:
    assert negative_response_name(code) == name


@pytest.mark.parametrize(
    ("sid", "name"),
    [
        (0x22, "ReadDataByIdentifier"),
        (0x10, "DiagnosticSessionControl"),
        (0x09, "RequestVehicleInformation"),
        (0xBA, "service 0xba"),
    ],
)
def test_services_by_name(sid: int, name: str) -> None:
    assert service_name(sid) == name


def test_a_negative_answer_is_taken_apart() -> None:
    assert negative(bytes.fromhex("7F2231")) == (0x22, 0x31, "requestOutOfRange")
    assert is_negative(bytes.fromhex("7F223100"))


@pytest.mark.parametrize("payload", ["", "7F", "7F22", "62F190", "7E00"])
def test_anything_else_is_not_negative(payload: str) -> None:
    assert not is_negative(bytes.fromhex(payload))
    assert negative(bytes.fromhex(payload)) is None
