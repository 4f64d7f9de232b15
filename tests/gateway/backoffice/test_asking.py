"""Kinds that only query strings hold; what they find is in the lists of field sales."""

from __future__ import annotations

import pytest

from gateway.backoffice.asking import Members


def test_members_are_read_as_they_were_said() -> None:
    assert Members().read('{"erp": "7", "vip": true, "n": 1.5}') == {
        "erp": "7",
        "vip": True,
        "n": 1.5,
    }
    assert Members("may").read("true") == {"may": True}
    assert Members().parse({"erp": "7"}) == {"erp": "7"}


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", '{"a": null}', '{"a": {}}', '{"a\\"": 1}', '{"a": NaN}', '{"": 1}', "1"],
)
def test_what_no_engine_could_compare_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\bmust\b"):
        Members().read(text)
