from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from gateway.config import ConfigError, LocalConnector, LocalSettings, load, settings_from

ONE = "0b6f4a52-7b0e-4c1e-9d4e-2f6a1f5f7a01"
LIFT = {"name": "lift", "uuid": ONE, "bus": "socketcan:can0"}


def test_the_file_names_each_in_a_table_of_its_own(tmp_path: Any) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f"""
        [[local.connector]]
        name = "lift"
        uuid = "{ONE}"
        bus = "socketcan:can0"
        ecus = "7E0:7E8"

        [[local.connector]]
        name = "lan"
        uuid = "{UUID(int=2)}"
        bus = "doip:192.0.2.10:13500"
        """
    )
    lift, lan = load(path, {}).local.connector
    assert lift == LocalConnector(
        name="lift", uuid=UUID(ONE), bus="socketcan:can0", ecus="7E0:7E8"
    )
    assert (lift.doip, lan.doip) == (None, "192.0.2.10:13500")


def test_the_environment_gives_them_as_json() -> None:
    text = f'[{{"name": "lift", "uuid": "{ONE}", "bus": "virtual:x", "fd": true}}]'
    (lift,) = settings_from({}, {"GATEWAY_LOCAL_CONNECTOR": text}).local.connector
    assert (lift.bus, lift.fd) == ("virtual:x", True)
    with pytest.raises(ConfigError, match="Expected a JSON array"):
        settings_from({}, {"GATEWAY_LOCAL_CONNECTOR": "["})


@pytest.mark.parametrize(
    ("connectors", "problem"),
    [
        ([LIFT | {"bus": "can0"}], "write socketcan:can0 or doip:192.0.2.10"),
        ([LIFT | {"bus": "doip:"}], "write socketcan:can0"),
        ([LIFT | {"bus": "doip:h", "frames_only": True}], "DoIP has no frames"),
        ([LIFT | {"bus": "doip:h", "bitrate": 1}], "DoIP has no frames"),
        ([LIFT | {"data_bitrate": 1}], "set fd as well"),
        ([LIFT, LIFT | {"uuid": str(UUID(int=2))}], "2 have the name lift"),
        ([LIFT, LIFT | {"name": "lan"}], f"2 have the uuid {ONE}"),
        ([LIFT | {"uuid": "me"}], "uuid"),
        ([LIFT | {"name": ""}], "name"),
        ([LIFT | {"buss": "x"}], "buss"),
        ([{"name": "lift"}], "uuid"),
    ],
)
def test_what_cannot_be_is_named(connectors: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        settings_from({"local": {"connector": connectors}}, {})


def test_without_any_there_is_nothing_to_complain_about() -> None:
    assert list(LocalSettings().problems()) == []
