"""An operator's client: takes a ticket, works on the vehicle, closes the ticket.

Requests are made and answers read by udsoncan; the gateway carries the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import trio
import udsoncan
from trio_websocket import ConnectionClosed, HandshakeError, open_websocket_url
from udsoncan.Request import Request
from udsoncan.Response import Response
from udsoncan.services.ClearDiagnosticInformation import ClearDiagnosticInformation
from udsoncan.services.DiagnosticSessionControl import DiagnosticSessionControl
from udsoncan.services.ReadDataByIdentifier import ReadDataByIdentifier
from udsoncan.services.ReadDTCInformation import ReadDTCInformation
from udsoncan.services.SecurityAccess import SecurityAccess
from udsoncan.services.WriteDataByIdentifier import WriteDataByIdentifier

from gateway.demo.http import JsonClient, StoryError
from protocols.can.batch import peek_batch

#: Length of the session id in front of each binary frame message.
_SESSION_ID_SIZE = 16


@dataclass(frozen=True, slots=True)
class Ecu:
    """A control unit as the gateway lists it.

    Attributes:
        name: what people call it.
        address: the members that name it in an exchange.
    """

    name: str
    address: dict[str, int]


class Workshop:
    """The operator. Made signed out; :meth:`sign_in` comes first."""

    def __init__(self, http_url: str, socket_url: str) -> None:
        self.client = JsonClient(http_url, "operator")
        self._socket_url = socket_url
        self.token = ""
        self.exchanges = 0
        self.frames = 0
        self.news = 0

    async def sign_in(self, client_id: str, client_secret: str) -> None:
        """Sign in with client credentials."""
        answer = await self.client.post(
            "/partner/oauth2/token",
            {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
            },
            form=True,
        )
        self.token = answer["access_token"]
        self.client.sign(self.token)

    # Any: the operator API's Connector.
    async def connector(self, uuid: str) -> Any:
        """Return a connector: status, buses, control units."""
        return await self.client.get(f"/operator/v1/connectors/{uuid}")

    async def pending(self) -> list[dict[str, Any]]:
        """Return the tickets that wait for somebody."""
        return list((await self.client.get("/operator/v1/tickets", state="pending"))["result"])

    async def cancel_leftovers(self, connector_uuid: str) -> int:
        """Cancel what an interrupted demo has left on a connector; return how many tickets."""
        found = (await self.client.get("/operator/v1/tickets"))["result"]
        left = [ticket["id"] for ticket in found if ticket["connector_uuid"] == connector_uuid]
        for ticket_id in left:
            await self.client.post(f"/operator/v1/tickets/{ticket_id}/cancel", {"reason": 1})
        return len(left)

    async def open(self, **subject: object) -> Session:
        """Open a session on a ticket (``ticket_id=``) or a connector (``connector_uuid=``)."""
        opened = await self.client.post("/operator/v1/sessions", subject)
        if opened["lease"] != "writer":
            raise StoryError("operator: somebody else holds the lease on this vehicle")
        return Session(self, opened["id"])

    async def close_ticket(self, ticket_id: int, note: str, odometer: int) -> None:
        """Close the ticket."""
        await self.client.post(
            f"/operator/v1/tickets/{ticket_id}/close",
            {"note": note, "odometer_reading": odometer},
        )

    async def watch(
        self,
        session: Session,
        bus: str | None,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Count what a session's websocket streams, until cancelled."""
        headers = [(b"Authorization", f"Bearer {self.token}".encode())]
        wanted: list[dict[str, object]] = [{"stream": "news"}]
        if bus is not None:
            wanted.append({"stream": "frames", "bus": bus})
        try:
            async with open_websocket_url(self._socket_url, extra_headers=headers) as socket:
                for stream in wanted:
                    message = {"action": "subscribe", "session": session.id, **stream}
                    await socket.send_message(msgspec.json.encode(message).decode())
                answered = 0
                while True:
                    data = await socket.get_message()
                    if isinstance(data, bytes):
                        self.frames += peek_batch(data[_SESSION_ID_SIZE:]).count
                        continue
                    if self._confirms(msgspec.json.decode(data)):
                        answered += 1
                        if answered == len(wanted):
                            task_status.started()
        except (ConnectionClosed, HandshakeError, OSError) as error:
            raise StoryError(f"operator: the websocket broke: {error!r}") from error

    # Any: the websocket's JSON.
    def _confirms(self, message: Any) -> bool:
        """Count news; tell whether the message confirms a subscription instead."""
        if message["action"] == "error":
            raise StoryError(f"operator: the websocket refused: {message['error']}")
        self.news += message["action"] == "news"
        return bool(message["action"] == "subscribed")


class Session:
    """One session on a vehicle."""

    def __init__(self, workshop: Workshop, session_id: str) -> None:
        self._workshop = workshop
        self.id = session_id

    async def ask(self, ecu: Ecu, request: Request) -> Response:
        """Send a request and return its positive response.

        Raises:
            StoryError: no answer, or a negative one.
        """
        responses = await self.raw(ecu.address, request.get_payload())
        if len(responses) != 1:
            raise StoryError(f"{ecu.name}: {len(responses)} answers where one was expected")
        response = Response.from_payload(responses[0])
        if not response.positive:
            raise StoryError(f"{ecu.name} refused {request}: {response.code_name}")
        return response

    async def raw(self, address: dict[str, Any], request: bytes) -> list[bytes]:
        """Send bytes and return the answers' bytes."""
        answer = await self._workshop.client.post(
            f"/operator/v1/sessions/{self.id}/exchanges",
            {"ecu": address, "request": request.hex()},
        )
        self._workshop.exchanges += 1
        return [bytes.fromhex(response["data"]) for response in answer["responses"]]

    async def read_text(self, ecu: Ecu, identifier: int) -> str:
        """Read an identifier that holds text."""
        return (await self.read(ecu, identifier)).decode("ascii", "replace").strip("\0 ")

    async def read(self, ecu: Ecu, identifier: int) -> bytes:
        """Read an identifier."""
        request = Request(ReadDataByIdentifier, data=identifier.to_bytes(2, "big"))
        response = await self.ask(ecu, request)
        return bytes(response.data or b"")[2:]

    async def write(self, ecu: Ecu, identifier: int, value: bytes) -> None:
        """Write an identifier."""
        data = identifier.to_bytes(2, "big") + value
        await self.ask(ecu, Request(WriteDataByIdentifier, data=data))

    async def trouble_codes(self, ecu: Ecu) -> list[udsoncan.Dtc]:
        """Return the stored trouble codes with their status."""
        subfunction = ReadDTCInformation.Subfunction.reportDTCByStatusMask
        request = ReadDTCInformation.make_request(subfunction, status_mask=0xFF)
        response = await self.ask(ecu, request)
        data = ReadDTCInformation.interpret_response(response, subfunction)
        return list(data.service_data.dtcs)

    async def clear_trouble_codes(self, ecu: Ecu) -> None:
        """Clear all trouble codes."""
        await self.ask(ecu, ClearDiagnosticInformation.make_request(0xFFFFFF))

    async def enter(self, ecu: Ecu, session: int) -> None:
        """Change the control unit's diagnostic session."""
        await self.ask(ecu, DiagnosticSessionControl.make_request(session))

    async def seed(self, ecu: Ecu, level: int) -> bytes:
        """Ask for a seed."""
        request = Request(SecurityAccess, subfunction=level)
        return bytes((await self.ask(ecu, request)).data or b"")[1:]

    async def send_key(self, ecu: Ecu, level: int, key: bytes) -> None:
        """Answer a seed."""
        await self.ask(ecu, Request(SecurityAccess, subfunction=level + 1, data=key))

    async def end(self) -> None:
        """End the session; the vehicle is in its safe state afterwards."""
        await self._workshop.client.delete(f"/operator/v1/sessions/{self.id}")
