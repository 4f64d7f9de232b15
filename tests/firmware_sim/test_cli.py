from __future__ import annotations

import base64
import uuid

import pytest

from firmware_sim import cli

UUID = "8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e"
KEY = base64.b64encode(bytes(range(32))).decode()
COMPLETE = ["run", "--gateway", "ws://127.0.0.1:1/link/v1", "--uuid", UUID, "--key", KEY]


def test_a_command_is_read() -> None:
    parsed = cli._parser().parse_args(
        [*COMPLETE, "--vehicle", "xc90", "--vin", "X", "--seed", "7", "--bus", "virtual:x"]
    )
    assert (parsed.vehicle, parsed.vin, parsed.seed, parsed.bus) == ("xc90", "X", 7, "virtual:x")
    assert (parsed.uuid, parsed.key) == (uuid.UUID(UUID), KEY)


def test_what_it_is_plugged_into_is_read() -> None:
    options = "--doip h:1 --ecus 1001 --fd --bitrate 1 --data-bitrate 2 --frames-only --margin 0.3"
    (entry,) = cli._entries(cli._parser().parse_args([*COMPLETE, *options.split()]))
    assert (entry.vehicle, entry.bus, entry.doip, entry.ecus) == (None, None, "h:1", "1001")
    assert (entry.fd, entry.bitrate, entry.data_bitrate, entry.frames_only) == (True, 1, 2, True)
    assert entry.margin == 0.3


def test_a_certificate_takes_the_place_of_the_key() -> None:
    options = ["--certificate", "c.pem", "--certificate-key", "k.pem", "--ca", "a.pem"]
    (entry,) = cli._entries(cli._parser().parse_args([*COMPLETE[:-2], *options]))
    assert (entry.key, entry.certificate) == ("", "c.pem")
    assert (entry.certificate_key, entry.ca) == ("k.pem", "a.pem")


@pytest.mark.parametrize("arguments", [COMPLETE[:-2], [*COMPLETE, "--roster", "r.json"], ["run"]])
def test_somebody_must_dial_in_and_prove_it(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert "--key or --certificate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--key", "!"], "the key is no base64"),
        (["--key", KEY[:8]], "the key has 6 bytes instead of 32"),
        (["--uuid", "me"], "'me' is no UUID"),
        (["--gateway", "http://x"], "neither with ws://"),
        (["--seed", "x"], "invalid int value"),
        (["--margin", "-1"], "'-1' is no number of seconds"),
        (["--margin", "soon"], "'soon' is no number of seconds"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what(
    change: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*COMPLETE, *change])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert KEY not in error


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--vehicle", "tractor"], "no vehicle 'tractor'"),
        (["--vin", "SHORT"], "17 characters"),
        (["--bus", "virtual"], "INTERFACE:CHANNEL"),
        (["--bus", "no_such:can0"], "cannot be opened"),
        (["--vehicle", "xc90", "--frames-only"], "no raw frames"),
        (["--doip", "h:0"], "no DoIP vehicle"),
        (["--bus", "virtual:x", "--ecus", "engine"], "write 7E0:7E8"),
        (["--ca", "absent.pem"], "certificates are for TLS"),
    ],
)
def test_what_cannot_run_is_status_1_and_one_line(
    change: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*COMPLETE, *change]) == 1
    error = capsys.readouterr().err
    assert error.startswith("firmware-sim: ")
    assert complaint in error
    assert error.count("\n") == 1
