from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, DoorSettings, settings_from


def test_a_range_has_both_ends() -> None:
    good = settings_from({"doors": {"first_port": 13400, "last_port": 13409}}, {}).doors
    assert (good.first_port, good.last_port) == (13400, 13409)
    assert list(DoorSettings().problems()) == []


@pytest.mark.parametrize("ports", [{"first_port": 9, "last_port": 8}, {"last_port": 8}])
def test_what_is_no_range_is_refused(ports: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="range"):
        settings_from({"doors": ports}, {})


def test_beacons_go_to_an_address() -> None:
    for text, target in (
        ("192.0.2.255", ("192.0.2.255", 42_000)),
        ("127.0.0.1:9", ("127.0.0.1", 9)),
    ):
        assert settings_from({"doors": {"beacon": text}}, {}).doors.beacon_target == target
    assert DoorSettings().beacon_target is None


@pytest.mark.parametrize(
    "text", ["everybody", "192.0.2.255:0", "192.0.2.255:x", "::1", "1.2.3.4:70000"]
)
def test_what_is_no_address_for_beacons_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"doors\.beacon"):
        settings_from({"doors": {"beacon": text}}, {})


def test_a_certificate_has_a_key() -> None:
    with pytest.raises(ConfigError, match=r"doors\.private_key"):
        settings_from({"doors": {"certificate": str(Path("doors.pem"))}}, {})
