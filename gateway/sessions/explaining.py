"""Exchanges as operators see them: bytes, and what they mean where a description knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.decoding.questions import Meaning
from gateway.sessions.exchange import Answer
from protocols.link.vehicle import CanTarget, DoipTarget, Target


class Descriptions(Protocol):
    """Knows what messages of vehicles mean."""

    def none_for(self, provider: int, vin: str | None) -> bool:
        """Tell whether it is known, without looking, that no exchange would be explained."""
        ...

    async def exchange(
        self,
        provider: int,
        vin: str | None,
        addresses: tuple[int, ...],
        request: bytes,
        answers: tuple[bytes, ...],
    ) -> Sequence[Meaning | None] | None:
        """Return what a request and its answers mean, in this order; ``None`` for nothing."""
        ...


async def explained(
    descriptions: Descriptions,
    vehicle: tuple[int, str | None],
    target: Target,
    request: bytes,
    replies: Sequence[Answer],
) -> dict[str, object]:
    """Return the members of an exchange's answer.

    ``decoded`` is there where the vehicle has a description that knows the request: beside the
    responses what the request means, and within each response what that means.

    Args:
        descriptions: say what messages mean.
        vehicle: whose descriptions, and the vehicle's identification number.
        target: who was asked.
        request: what.
        replies: what came.
    """
    shown = [reply.to_json() for reply in replies]
    body: dict[str, object] = {"responses": shown}
    meanings = await descriptions.exchange(
        *vehicle,
        _addresses(target, replies),
        request,
        tuple(reply.data for reply in replies),
    )
    if meanings is not None and meanings[0] is not None:
        body["decoded"] = meanings[0]
        for response, meaning in zip(shown, meanings[1:], strict=True):
            response["decoded"] = meaning
    return body


def unexplained(replies: Sequence[Answer]) -> dict[str, object]:
    """Return the members of an exchange's answer where nobody explains it."""
    return {"responses": [reply.to_json() for reply in replies]}


def _addresses(target: Target, replies: Sequence[Answer]) -> tuple[int, ...]:
    """Return what names the control unit: its identifiers or address, or who has answered."""
    match target:
        case DoipTarget(logical_address=address):
            return (address,)
        case CanTarget(request_id=request, response_id=int(response)):
            return (request, response)
        case _:
            return tuple(dict.fromkeys(reply.ecu for reply in replies))
