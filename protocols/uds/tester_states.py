"""The states of a tester's exchange, and what leads from one to another."""

from __future__ import annotations

from enum import Enum, auto

from protocols.fsm import Table


class State(Enum):
    """Where an exchange stands."""

    IDLE = auto()
    SENDING = auto()
    WAITING = auto()
    PENDING = auto()
    BUSY = auto()
    GATHERING = auto()
    DONE = auto()
    FAILED = auto()


class Trigger(Enum):
    """What can happen to it."""

    START = auto()
    SENT = auto()
    SENT_TO_ALL = auto()
    ANSWER = auto()
    PROMISE = auto()
    REFUSAL = auto()
    REPEAT = auto()
    SILENCE = auto()
    EXPIRED = auto()
    FAULT = auto()


TABLE: Table[State, Trigger] = Table(
    "UDS exchange",
    initial=State.IDLE,
    final=frozenset({State.DONE, State.FAILED}),
    transitions={
        (State.IDLE, Trigger.START): State.SENDING,
        (State.SENDING, Trigger.SENT): State.WAITING,
        (State.SENDING, Trigger.SENT_TO_ALL): State.GATHERING,
        (State.SENDING, Trigger.FAULT): State.FAILED,
        (State.WAITING, Trigger.ANSWER): State.DONE,
        (State.WAITING, Trigger.PROMISE): State.PENDING,
        (State.WAITING, Trigger.REFUSAL): State.BUSY,
        (State.WAITING, Trigger.SILENCE): State.DONE,
        (State.WAITING, Trigger.EXPIRED): State.FAILED,
        (State.WAITING, Trigger.FAULT): State.FAILED,
        (State.PENDING, Trigger.ANSWER): State.DONE,
        (State.PENDING, Trigger.PROMISE): State.PENDING,
        (State.PENDING, Trigger.EXPIRED): State.FAILED,
        (State.PENDING, Trigger.FAULT): State.FAILED,
        (State.BUSY, Trigger.REPEAT): State.SENDING,
        (State.BUSY, Trigger.EXPIRED): State.FAILED,
        (State.BUSY, Trigger.FAULT): State.FAILED,
        (State.GATHERING, Trigger.ANSWER): State.GATHERING,
        (State.GATHERING, Trigger.PROMISE): State.GATHERING,
        (State.GATHERING, Trigger.SILENCE): State.DONE,
        (State.GATHERING, Trigger.EXPIRED): State.FAILED,
        (State.GATHERING, Trigger.FAULT): State.FAILED,
    },
)
