"""Exchanges as operators see them: bytes, and what they mean where a description knows it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.rest.operator.door import OperatorDoor
from gateway.sessions.exchange import Answer
from gateway.sessions.session import Session
from protocols.link.vehicle import CanTarget, DoipTarget, Target


async def explained(
    door: OperatorDoor,
    session: Session,
    target: Target,
    request: bytes,
    replies: Sequence[Answer],
) -> dict[str, object]:
    """Return the body of an exchange's answer.

    ``decoded`` is there where the vehicle has a description that knows the request: beside the
    responses what the request means, and within each response what that means.
    """
    shown = [reply.to_json() for reply in replies]
    body: dict[str, object] = {"responses": shown}
    if door.descriptions is None:
        return body
    vin = door.registry.status(session.connector).vin
    meanings = await door.descriptions.exchange(
        session.provider_id,
        vin,
        _addresses(target, replies),
        request,
        tuple(reply.data for reply in replies),
    )
    if meanings is not None and meanings[0] is not None:
        body["decoded"] = meanings[0]
        for response, meaning in zip(shown, meanings[1:], strict=True):
            response["decoded"] = meaning
    return body


def _addresses(target: Target, replies: Sequence[Answer]) -> tuple[int, ...]:
    """Return what names the control unit: its identifiers or address, or who has answered."""
    match target:
        case DoipTarget(logical_address=address):
            return (address,)
        case CanTarget(request_id=request, response_id=int(response)):
            return (request, response)
        case _:
            return tuple(dict.fromkeys(reply.ecu for reply in replies))
