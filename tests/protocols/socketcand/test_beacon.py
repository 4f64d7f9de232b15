from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from protocols.socketcand.beacon import INTERVAL, LONGEST, beacon

names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)


def test_a_beacon_says_where_which_buses_are() -> None:
    root = ET.fromstring(
        beacon("connector 7", "can://192.0.2.7:29536", ("can0", "can1"), "the one on lift 2")
    )
    assert (root.tag, root.attrib["type"]) == ("CANBeacon", "adapter")
    assert (root.attrib["name"], root.attrib["description"]) == (
        "connector 7",
        "the one on lift 2",
    )
    assert root.findtext("URL") == "can://192.0.2.7:29536"
    assert [bus.attrib["name"] for bus in root.iter("Bus")] == ["can0", "can1"]
    assert INTERVAL <= 3  # the protocol's bound


@given(names, st.lists(names, max_size=60))
def test_any_names_make_a_document_that_clients_can_read(name: str, buses: list[str]) -> None:
    made = beacon(name, "can://192.0.2.7:1", buses)
    assert len(made) <= LONGEST
    root = ET.fromstring(made)
    assert root.attrib["name"] == name
    shown = [bus.attrib["name"] for bus in root.iter("Bus")]
    assert shown == buses[: len(shown)]
