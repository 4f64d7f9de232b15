from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.firmware.ecu_table import MAX_FILE, EcuTableError, read_ecus
from protocols.link.vehicle import EcuInfo, IsoTpOptions

FILE = """
ecus:
  - {name: engine, request_id: 0x7E0, response_id: 0x7E8}
  - {name: body, request_id: 0x18DA40F1, response_id: 0x18DAF140}
  - {name: odd, request_id: 0x10, response_id: 0x11, extended: true}
  - {name: gateway, logical_address: 0x1001}
"""


def test_a_file_and_what_the_gateway_is_told_of_it(tmp_path: Path) -> None:
    path = tmp_path / "ecus.yaml"
    path.write_text(FILE)
    assert [entry.info("x") for entry in read_ecus(str(path))] == [
        EcuInfo("engine", "x", 0x7E0, 0x7E8),
        EcuInfo("body", "x", 0x18DA40F1, 0x18DAF140, extended=True),
        EcuInfo("odd", "x", 0x10, 0x11, extended=True),
        EcuInfo("gateway", "x", logical_address=0x1001),
    ]


def test_a_list_on_the_command_line() -> None:
    engine, body, gateway = read_ecus("7e0:7E8, 18DA40F1:18DAF140,1001")
    assert engine.info("x") == EcuInfo("7E0:7E8", "x", 0x7E0, 0x7E8)
    assert body.info("x").extended
    assert gateway.info("x") == EcuInfo("1001", "x", logical_address=0x1001)
    assert [it.is_on_can for it in (engine, body, gateway)] == [True, True, False]


@pytest.mark.parametrize(
    "text", ["", "engine", "7E0:", "1:2:3", "7E0,", "20000000:1", "0", "1FFFF"]
)
def test_a_list_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(EcuTableError, match="write 7E0:7E8"):
        read_ecus(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ecus: [{name: a, request_id: 1}]", "both request_id and response_id"),
        ("ecus: [{name: a}]", "or an address"),
        ("ecus: [{name: a, request_id: 1, response_id: 2, logical_address: 3}]", "or an address"),
        ("ecus: [{name: a, speed: 3}]", "speed"),
        ("ecus: {", "ecus.yaml"),
        ("other: []", "other"),
        ("ecus: [" + "[" * 2000, "ecus.yaml"),
        ("#" * (MAX_FILE + 1), "larger than"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "ecus.yaml"
    path.write_text(text)
    with pytest.raises(EcuTableError, match=complaint):
        read_ecus(str(path))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(EcuTableError, match="No such file"):
        read_ecus("/nowhere/ecus.yml")


ADDRESSING = """
ecus:
  - {name: seats, addressing: extended, request_id: 0x6F1, response_id: 0x66D,
     target_address: 0x6D, source_address: 0xF1}
  - {name: lights, addressing: normal_fixed, target_address: 0x40, source_address: 0xF1}
  - {name: tow bar, addressing: mixed, request_id: 0x740, response_id: 0x748,
     address_extension: 0x05, padding: -1, stmin: 10}
  - {name: roof, addressing: mixed, target_address: 0x41, source_address: 0xF1,
     address_extension: 5, fd: true, tx_dl: 64}
"""


def test_every_addressing_mode_has_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "ecus.yaml"
    path.write_text(ADDRESSING)
    seats, lights, tow_bar, roof = (entry.info("x") for entry in read_ecus(str(path)))
    assert seats == EcuInfo("seats", "x", 0x6F1, 0x66D, None, False, "extended", 0x6D, 0xF1)
    assert (lights.request_id, lights.response_id) == (0x18DA40F1, 0x18DAF140)
    assert (lights.extended, lights.mode) == (True, "normal_fixed")
    assert tow_bar.isotp == IsoTpOptions(padding=-1, stmin=10)
    assert (roof.request_id, roof.response_id) == (0x18CE41F1, 0x18CEF141)
    assert roof.isotp == IsoTpOptions(fd=True, tx_dl=64)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("addressing: sideways, request_id: 1, response_id: 2", "sideways"),
        ("addressing: extended, request_id: 1, response_id: 2", "needs target_address"),
        ("addressing: mixed, request_id: 1, response_id: 2", "needs address_extension"),
        ("addressing: normal_fixed, request_id: 1, response_id: 2", "no identifier of"),
        ("addressing: normal_fixed, target_address: 1", "or an address"),
        ("request_id: 1, response_id: 1", "both directions"),
        ("request_id: 1, response_id: 2, tx_dl: 64", "need can_fd"),
        ("request_id: 1, response_id: 2, padding: 256", "padding"),
    ],
)
def test_an_entry_that_makes_no_address_names_the_control_unit(
    tmp_path: Path, entry: str, complaint: str
) -> None:
    path = tmp_path / "ecus.yaml"
    path.write_text("ecus: [{name: odd one, " + entry + "}]")
    with pytest.raises(EcuTableError, match=complaint):
        read_ecus(str(path))
