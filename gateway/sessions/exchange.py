"""What came of one request to a vehicle, on the gateway's time line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.errors import Invalid, Unavailable, VehicleFault
from protocols.link.messages import ExchangeResponse, ExchangeResult
from protocols.uds.names import negative

#: What a connector's failure words mean for the caller: (error, what to do).
_FAILURES: dict[str, tuple[type[VehicleFault | Invalid | Unavailable], str]] = {
    "no_response": (
        VehicleFault,
        "The control unit did not answer. Check that the ignition is on and the ids are right.",
    ),
    "pending_too_long": (
        VehicleFault,
        "The control unit asked for more time (0x78) beyond the bound; it may still be at work.",
    ),
    "busy_too_long": (
        VehicleFault,
        "The control unit stayed busy (0x21 or 0x94) through every repeat. Try again later.",
    ),
    "transport": (VehicleFault, "The message did not get across the vehicle's bus."),
    "unknown_bus": (Invalid, "The connector has no such bus."),
    "unknown_ecu": (Invalid, "The connector cannot reach this control unit."),
    "refused": (Unavailable, "The connector refused the request."),
}

_UNKNOWN_FAILURE = (VehicleFault, "The vehicle side failed in a way not known here.")

#: Letters of a connector's own words that are passed on.
MAX_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """One response.

    Attributes:
        ecu: CAN id or logical address it came from.
        data: its bytes.
        pending: 0x78 answers that came before it.
        sent_at: when the request had left the connector, UTC.
        received_at: when the answer was complete at the connector, UTC.
    """

    ecu: int
    data: bytes
    pending: int
    sent_at: datetime
    received_at: datetime

    def to_json(self) -> dict[str, object]:
        """Return the members the operator API documents."""
        return {
            "ecu": self.ecu,
            "data": self.data.hex().upper(),
            "negative": _refusal(self.data),
            "pending": self.pending,
            "sent_at": self.sent_at.isoformat(),
            "received_at": self.received_at.isoformat(),
        }


def _refusal(data: bytes) -> dict[str, object] | None:
    refused = negative(data)
    if refused is None:
        return None
    _service, code, name = refused
    return {"code": code, "name": name}


def answers(result: ExchangeResult, wall_time: Callable[[int], datetime]) -> tuple[Answer, ...]:
    """Return the responses in ``result``.

    Args:
        result: as the connector sent it.
        wall_time: turns microseconds of the connector's clock into UTC.

    Raises:
        VehicleFault: the vehicle side failed.
        Invalid: the connector does not know the bus or the control unit.
        Unavailable: the connector refused.
    """
    if result.failure:
        # The word of a newer connector is told to people; codes are ours alone.
        known = result.failure in _FAILURES
        error, advice = _FAILURES[result.failure] if known else _UNKNOWN_FAILURE
        more = result.detail if known else f"{result.failure}: {result.detail}"
        detail = f"{advice} ({more[:MAX_DETAIL]})" if more else advice
        raise error(f"vehicle.{result.failure if known else 'failed'}", detail)
    return tuple(_answer(response, wall_time) for response in result.responses)


def _answer(response: ExchangeResponse, wall_time: Callable[[int], datetime]) -> Answer:
    return Answer(
        ecu=response.source,
        data=response.data,
        pending=response.pending,
        sent_at=wall_time(response.sent_us),
        received_at=wall_time(response.received_us),
    )


def connector_time_line(
    now: datetime, monotonic: float, offset_us: int
) -> Callable[[int], datetime]:
    """Return the function that puts a connector's microseconds on the wall clock.

    Args:
        now: the wall clock.
        monotonic: our monotonic clock at the same moment, seconds.
        offset_us: connector's clock minus our monotonic clock.
    """

    def wall_time(stamp_us: int) -> datetime:
        age = monotonic - (stamp_us - offset_us) / 1e6
        try:
            return now - timedelta(seconds=age)
        except OverflowError:
            # A stamp from no calendar: the answer is good all the same, and has just come.
            return now

    return wall_time


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, UTC."""
    return round(moment.timestamp() * 1_000_000)


def epoch_us(now: datetime, monotonic: float, offset_us: int) -> int:
    """Return what a connector's time stamps lack to be microseconds since 1970, UTC.

    The arguments are those of :func:`connector_time_line`.
    """
    return microseconds(now) - round(monotonic * 1e6) - offset_us


def too_slow(limit: float) -> VehicleFault:
    """Return the error of an exchange without a result after ``limit`` seconds."""
    return VehicleFault(
        "exchange.too_slow",
        f"No result after {limit:g} s. It is not known whether the "
        "vehicle got the request: read back before you repeat it.",
    )


def news(
    request: bytes, replies: tuple[Answer, ...] = (), *, error: str | None = None
) -> dict[str, object]:
    """Return what watchers of a session are told of an exchange."""
    return {
        "request": request.hex().upper(),
        "responses": [reply.to_json() for reply in replies],
        "error": error,
    }
