"""The table: declared rows, refusals that name what happened, reachability, diagrams."""

from enum import Enum, auto

import pytest

from protocols.errors import LocalProtocolError
from protocols.fsm import Table


class Lamp(Enum):
    OFF = auto()
    ON = auto()
    BROKEN = auto()
    LOST = auto()


class Press(Enum):
    SWITCH = auto()
    HAMMER = auto()


TABLE = Table(
    "lamp",
    initial=Lamp.OFF,
    final=frozenset({Lamp.BROKEN}),
    transitions={
        (Lamp.OFF, Press.SWITCH): Lamp.ON,
        (Lamp.ON, Press.SWITCH): Lamp.OFF,
        (Lamp.ON, Press.HAMMER): Lamp.BROKEN,
    },
)


@pytest.mark.parametrize("state", Lamp)
@pytest.mark.parametrize("trigger", Press)
def test_every_pair_is_a_declared_row_or_a_refusal(state: Lamp, trigger: Press) -> None:
    if TABLE.allows(state, trigger):
        assert TABLE.step(state, trigger) is TABLE.transitions[state, trigger]
    else:
        with pytest.raises(LocalProtocolError, match=f"lamp: {trigger.name} .* {state.name}"):
            TABLE.step(state, trigger)


def test_reachable_states_are_those_on_a_path() -> None:
    assert TABLE.reachable() == {Lamp.OFF, Lamp.ON, Lamp.BROKEN}
    assert TABLE.reachable(Lamp.BROKEN) == {Lamp.BROKEN}


def test_the_diagram_is_printed_from_the_table() -> None:
    assert TABLE.to_mermaid().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> OFF",
        "    OFF --> ON: SWITCH",
        "    ON --> OFF: SWITCH",
        "    ON --> BROKEN: HAMMER",
        "    BROKEN --> [*]",
    ]


def test_a_table_keeps_its_rows_whatever_happens_to_the_mapping_it_was_made_of() -> None:
    rows = {(Lamp.OFF, Press.SWITCH): Lamp.ON}
    table = Table("lamp", initial=Lamp.OFF, final=frozenset(), transitions=rows)
    rows.clear()
    assert table.step(Lamp.OFF, Press.SWITCH) is Lamp.ON
