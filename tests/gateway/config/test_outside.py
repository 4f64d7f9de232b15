from __future__ import annotations

import pytest

from gateway.config import ConfigError, settings_from


def test_the_way_out_is_read_from_file_and_environment() -> None:
    settings = settings_from(
        {"outside": {"addresses": {"ups": "https://proxy.test"}, "private": ["pbx.lan"]}},
        {"GATEWAY_OUTSIDE_PRIVATE": '["10.1.0.0/16", "pbx.lan"]'},
    )
    assert settings.outside.addresses == {"ups": "https://proxy.test"}
    assert settings.outside.private == ("10.1.0.0/16", "pbx.lan")


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"addresses": {"ups": "proxy.test"}}, "outside.addresses: ups must begin with"),
        ({"private": ["10.1.0.0/33"]}, "outside.private: '10.1.0.0/33' is neither"),
    ],
)
def test_what_cannot_be_used_is_refused(section: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        settings_from({"outside": section}, {})
