"""Diagnostic messages of a tester that the entity has not acknowledged yet.

An entity works through a socket in order. So an acknowledgement belongs to the oldest message for
its target that waits, and a generic NACK, which names no target, to the oldest that waits at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from doipclient.constants import A_DOIP_DIAGNOSTIC_MESSAGE
from doipclient.messages import DiagnosticMessageNegativeAcknowledgement

from protocols.doip.header import HeaderNack
from protocols.doip.settings import DoipTesterSettings
from protocols.doip.tester_events import (
    DeliveryConfirmed,
    DeliveryFailed,
    DeliveryFault,
    DoipTesterEvent,
)
from protocols.errors import LocalProtocolError

_OUT_OF_MEMORY = DiagnosticMessageNegativeAcknowledgement.NackCodes.OutOfMemory


@dataclass(slots=True)
class _Delivery:
    """One message under way."""

    number: int
    target: int
    payload: bytes
    deadline: float
    repeats_left: int
    pausing: bool = False  # the entity was out of memory; the deadline is the next attempt


class Deliveries:
    """Follows messages to their acknowledgement.

    Args:
        settings: bounds, repeats.
        write: puts a message for a target on the wire.
        events: where outcomes go.
    """

    def __init__(
        self,
        settings: DoipTesterSettings,
        write: Callable[[int, bytes], None],
        events: deque[DoipTesterEvent],
    ) -> None:
        self._settings = settings
        self._write = write
        self._events = events
        self._waiting: list[_Delivery] = []
        self._last_number = 0

    def send(self, target: int, payload: bytes, now: float) -> int:
        """Send a message and follow it; return its number.

        Raises:
            LocalProtocolError: too many wait already.
        """
        if len(self._waiting) >= self._settings.max_waiting:
            raise LocalProtocolError(f"{len(self._waiting)} messages wait to be acknowledged")
        self._write(target, payload)
        self._last_number += 1
        deadline = now + A_DOIP_DIAGNOSTIC_MESSAGE
        self._waiting.append(
            _Delivery(self._last_number, target, payload, deadline, self._settings.repeats)
        )
        return self._last_number

    def confirmed(self, target: int) -> bool:
        """Take an acknowledgement; return whether something waited for it."""
        delivery = self._oldest(target)
        if delivery is None:
            return False
        self._waiting.remove(delivery)
        self._events.append(DeliveryConfirmed(delivery.number, delivery.target))
        return True

    def refused(self, target: int, code: int, now: float) -> bool:
        """Take a negative acknowledgement; return whether something waited for it."""
        delivery = self._oldest(target)
        if delivery is not None:
            repeat = code == _OUT_OF_MEMORY
            self._pause_or_fail(delivery, DeliveryFault.REFUSED, code, now, repeat=repeat)
        return delivery is not None

    def header_refused(self, code: int, now: float) -> bool:
        """Take a generic NACK; return whether something waited."""
        delivery = self._oldest(None)
        if delivery is not None:
            repeat = code == HeaderNack.OutOfMemory
            self._pause_or_fail(delivery, DeliveryFault.HEADER_REFUSED, code, now, repeat=repeat)
        return delivery is not None

    def lose_all(self) -> None:
        """The connection is gone."""
        for delivery in tuple(self._waiting):
            self._fail(delivery, DeliveryFault.CONNECTION_LOST)

    def next_deadline(self) -> float | None:
        return min((delivery.deadline for delivery in self._waiting), default=None)

    def handle_deadline(self, now: float) -> None:
        """Repeat what paused long enough, give up what was not acknowledged."""
        for delivery in tuple(self._waiting):
            if delivery.deadline > now:
                continue
            if delivery.pausing:
                self._repeat(delivery, now)
            else:
                self._fail(delivery, DeliveryFault.NO_ACKNOWLEDGEMENT)

    def _oldest(self, target: int | None) -> _Delivery | None:
        for delivery in self._waiting:
            if not delivery.pausing and target in {None, delivery.target}:
                return delivery
        return None

    def _pause_or_fail(
        self, delivery: _Delivery, fault: DeliveryFault, code: int, now: float, *, repeat: bool
    ) -> None:
        if repeat and delivery.repeats_left:
            delivery.repeats_left -= 1
            delivery.pausing = True
            delivery.deadline = now + self._settings.repeat_interval
        else:
            self._fail(delivery, fault, code)

    def _repeat(self, delivery: _Delivery, now: float) -> None:
        # The entity takes it after all that was sent meanwhile, so it waits behind that.
        self._waiting.remove(delivery)
        self._waiting.append(delivery)
        delivery.pausing = False
        delivery.deadline = now + A_DOIP_DIAGNOSTIC_MESSAGE
        self._write(delivery.target, delivery.payload)

    def _fail(self, delivery: _Delivery, fault: DeliveryFault, code: int | None = None) -> None:
        self._waiting.remove(delivery)
        self._events.append(DeliveryFailed(delivery.number, delivery.target, fault, code))
