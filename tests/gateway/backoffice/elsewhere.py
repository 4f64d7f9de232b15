"""Services of other people, as small real servers on loopback that answer what they document."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

from gateway.backoffice.outside import ADDRESSES

#: One white pixel.
GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
)

TRACKING = {
    "trackResponse": {
        "shipment": [
            {
                "package": [
                    {
                        "currentStatus": {"description": "Delivered"},
                        "activity": [
                            {
                                "date": "20261118",
                                "status": {"description": "Departed"},
                                "location": {"address": {"city": "Utrecht", "country": "NL"}},
                            },
                            {
                                "date": "20261119",
                                "status": {"description": "Delivered"},
                                "location": {"address": {"city": "Gouda", "country": "NL"}},
                            },
                        ],
                    }
                ]
            }
        ]
    }
}


def answers() -> dict[str, tuple[int, Any]]:
    """Return path -> what the service there answers when all is well."""
    label = {"GraphicImage": base64.b64encode(GIF).decode()}
    package = {"TrackingNumber": "1Z12345E0205271688", "ShippingLabel": label}
    results = {
        "ShipmentCharges": {"TotalCharges": {"MonetaryValue": "7.95"}},
        "PackageResults": [package],
    }
    suggestion = {
        "name": "Battery",
        "confidence": "medium",
        "estimated_price": 100,
        "description": "Old",
        "requires_diagnosis": False,
    }
    said = {"suggestions": [suggestion], "advice": "Test it.", "not_repairable": False}
    message = {"message": {"content": json.dumps(said)}}
    return {
        "/security/v1/oauth/token": (200, {"access_token": "t"}),
        "/api/shipments/v2409/ship": (
            200,
            {"ShipmentResponse": {"ShipmentResults": results}},
        ),
        "/api/shipments/v2409/void/cancel/1Z12345E0205271688": (200, {}),
        "/api/track/v1/details/1Z12345E0205271688": (200, TRACKING),
        "/check-vat-number": (
            200,
            {"valid": True, "name": "---", "address": "---", "requestIdentifier": "WAPI1"},
        ),
        "/connect/token": (200, {"access_token": "t"}),
        "/xapi/v1/Defs?$select=Id": (200, {"value": []}),
        "/xapi/v1/ActiveCalls": (200, {"value": [{"Id": 1}]}),
        "/xapi/v1/QueueCalls": (
            200,
            {"value": [{"Caller": "+31612345678", "WaitingSeconds": 5, "Position": 1}]},
        ),
        "/v1/models": (200, {"data": [{"id": "gpt-4o-mini"}]}),
        "/v1/chat/completions": (
            200,
            {"choices": [message], "usage": {"total_tokens": 42}},
        ),
        "/v2/profiles/me": (200, {"name": "Garage BV"}),
        "/2010-04-01/Accounts/AC1/Messages.json": (201, {"sid": "SM1"}),
    }


@dataclass
class Elsewhere:
    """A server of other people's services.

    Attributes:
        url: where it is.
        answers: path with its query -> status and JSON; anything else is 404.
        asked: method, path and body of what came, in order.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=answers)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    shipped: int = 0

    @property
    def addresses(self) -> dict[str, str]:
        """Every service, here."""
        return dict.fromkeys(ADDRESSES, self.url)

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                part = await stream.receive_some()
                if not part:
                    return
                data += part
            head, _, body = data.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            method, path, _ = lines[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            while len(body) < int(headers.get("content-length", 0)):
                body += await stream.receive_some()
            self.asked.append((method, path, body))
            status, document = self.answers.get(
                _first_parcel(path), (404, {"error": "nothing here"})
            )
            if path.endswith("/ship"):
                # Numbers are given once.
                self.shipped += 1
                number = str(271687 + self.shipped)
                document = json.loads(json.dumps(document).replace("271688", number))
            text = json.dumps(document).encode()
            top = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
            length = f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            await stream.send_all((top + length).encode() + text)


def _first_parcel(path: str) -> str:
    """Return ``path`` as it is for the first parcel: what is said of one is said of all."""
    head, mark, _ = path.partition("1Z12345E0205")
    return f"{head}{mark}271688" if mark else path


@asynccontextmanager
async def open_elsewhere() -> AsyncIterator[Elsewhere]:
    """Run the server while the block runs."""
    there = Elsewhere()
    async with trio.open_nursery() as nursery:
        listen = partial(trio.serve_tcp, there.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(listen)
        there.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield there
        nursery.cancel_scope.cancel()
