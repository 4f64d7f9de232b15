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


def test_a_certificate_has_a_key() -> None:
    with pytest.raises(ConfigError, match=r"doors\.private_key"):
        settings_from({"doors": {"certificate": str(Path("doors.pem"))}}, {})
