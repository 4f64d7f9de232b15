"""States of a transfer job, as one table.

WAITING       the image is not there yet, or not enough of it
RUNNING       a request is at the control unit, or about to be
AWAITING_KEY  a seed has gone up, the key has not come down
PAUSED        somebody asked for it; the session is kept alive
RESTORING     the vehicle goes to its safe state, whatever came before
DONE, FAILED, ABORTED    the end, with the vehicle as it should be or a word that it is not
"""

from __future__ import annotations

from enum import Enum

from protocols.fsm import Table


class JobState(Enum):
    """Where a job stands; the values are the words of the link."""

    WAITING = "waiting"
    RUNNING = "running"
    AWAITING_KEY = "awaiting_key"
    PAUSED = "paused"
    RESTORING = "restoring"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


class JobTrigger(Enum):
    """What moves a job on."""

    BEGIN = "begin"  # enough of the image is there
    STARVE = "starve"  # the next block is not
    SEED = "seed"  # a key is needed
    KEY = "key"
    PAUSE = "pause"
    RESUME = "resume"
    RECOVER = "recover"  # the control unit lost the thread: go back and on
    POWER = "power"  # the connector is back after it had lost its power
    COMPLETE = "complete"  # the last step is done
    FAULT = "fault"
    ABORT = "abort"
    END_DONE = "end_done"
    END_FAILED = "end_failed"
    END_ABORTED = "end_aborted"


S, T = JobState, JobTrigger

FINAL = frozenset({S.DONE, S.FAILED, S.ABORTED})

TABLE: Table[JobState, JobTrigger] = Table(
    "transfer job",
    initial=S.WAITING,
    final=FINAL,
    transitions={
        (S.WAITING, T.BEGIN): S.RUNNING,
        (S.WAITING, T.PAUSE): S.PAUSED,
        (S.WAITING, T.POWER): S.WAITING,
        (S.WAITING, T.FAULT): S.RESTORING,
        (S.WAITING, T.ABORT): S.RESTORING,
        (S.RUNNING, T.STARVE): S.WAITING,
        (S.RUNNING, T.SEED): S.AWAITING_KEY,
        (S.RUNNING, T.PAUSE): S.PAUSED,
        (S.RUNNING, T.RECOVER): S.WAITING,
        (S.RUNNING, T.POWER): S.WAITING,
        (S.RUNNING, T.COMPLETE): S.RESTORING,
        (S.RUNNING, T.FAULT): S.RESTORING,
        (S.RUNNING, T.ABORT): S.RESTORING,
        (S.AWAITING_KEY, T.KEY): S.RUNNING,
        (S.AWAITING_KEY, T.POWER): S.WAITING,
        (S.AWAITING_KEY, T.FAULT): S.RESTORING,
        (S.AWAITING_KEY, T.ABORT): S.RESTORING,
        (S.PAUSED, T.RESUME): S.WAITING,
        (S.PAUSED, T.POWER): S.PAUSED,
        (S.PAUSED, T.FAULT): S.RESTORING,
        (S.PAUSED, T.ABORT): S.RESTORING,
        (S.RESTORING, T.POWER): S.RESTORING,
        (S.RESTORING, T.END_DONE): S.DONE,
        (S.RESTORING, T.END_FAILED): S.FAILED,
        (S.RESTORING, T.END_ABORTED): S.ABORTED,
    },
)

#: What has been waited for too long: failure, and why.
OVERDUE = {
    S.WAITING: ("no_image", "the image did not come in time"),
    S.AWAITING_KEY: ("no_key", "no key came in time"),
    S.PAUSED: ("paused_too_long", "it was paused for longer than its order allows"),
}

#: How a job that has restored the vehicle ends.
ENDINGS = {S.DONE: T.END_DONE, S.FAILED: T.END_FAILED, S.ABORTED: T.END_ABORTED}
