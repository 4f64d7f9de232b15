"""Channels of the link, reasons for its end, and what all messages have in common."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

import msgspec


class Channel(IntEnum):
    """What an envelope belongs to, in order of priority: the lower number goes first."""

    CONTROL = 0
    EXCHANGE = 1
    JOB = 2
    FILE = 3
    FRAME = 4


class CloseCode(IntEnum):
    """Why a link was said goodbye to. Stable: connectors decide by it whether to come back."""

    NORMAL = 0
    RESTARTING = 1  # the gateway goes down or asks the connector to move; come back
    REPLACED = 2  # a newer dial-in of the same connector
    OVERLOADED = 3  # come back after `retry_after_ms`
    AUTHENTICATION = 10  # unknown connector, wrong key, disabled: one code for all, on purpose
    VERSION = 11  # no version in common
    PROTOCOL = 20  # malformed, out of state, gap in the numbers
    CREDIT = 21  # more was sent on a channel than had been granted
    TOO_LARGE = 22
    SILENT = 23  # nothing heard for three ping intervals
    DISABLED = 24  # switched off while online


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Root of all messages. ``channel`` and ``numbered`` are properties of the class."""

    channel: ClassVar[Channel] = Channel.CONTROL
    #: Numbered messages are kept until acknowledged and delivered exactly once.
    numbered: ClassVar[bool] = False
