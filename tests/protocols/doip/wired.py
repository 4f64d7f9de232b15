"""An entity and any number of clients on one virtual clock: bytes move when told to."""

# mypy: allow-untyped-calls

from __future__ import annotations

from doipclient.messages import DiagnosticMessage, RoutingActivationRequest

from protocols.doip.codec import Decoder, Message, Packet, encode
from protocols.doip.entity import Entity
from protocols.doip.events import ConnectionEnding, EntityEvent
from protocols.doip.settings import DoipTesterSettings, EntitySettings
from protocols.doip.tester import DoipTester
from protocols.doip.tester_events import DoipTesterEvent

VIN = "WVWZZZAUZKW123456"
EID = bytes.fromhex("02004C4F4701")
ENGINE, BODY, ALL = 0x1010, 0x1020, 0xE400
TESTER, OTHER = 0x0E80, 0x0E81

SETTINGS = EntitySettings(
    logical_address=0x1000,
    vin=VIN,
    eid=EID,
    targets=frozenset({ENGINE, BODY, ALL}),
    max_sockets=2,
)


class Vehicle:
    """The entity's driver in miniature: keeps what went out and which sockets were closed."""

    def __init__(self, settings: EntitySettings = SETTINGS) -> None:
        self.now = 100.0
        self.entity = Entity(settings)
        self.events: list[EntityEvent] = []
        self.sent: dict[int, bytes] = {}
        self.closed: set[int] = set()

    def connect(self, *, secure: bool = False) -> int:
        number = self.entity.connected(self.now, secure=secure)
        assert number is not None
        return number

    def feed(self, number: int, *messages: Message | bytes) -> None:
        for message in messages:
            data = message if isinstance(message, bytes) else encode(message)
            self.entity.receive(number, data, self.now)
        self.pump()

    def pump(self) -> None:
        """Do what a driver does after each call: bytes first, then events."""
        for number, data in self.entity.data_to_send():
            self.sent[number] = self.sent.get(number, b"") + data
        while (event := self.entity.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, ConnectionEnding):
                self.closed.add(event.connection)
                self.entity.disconnected(event.connection, self.now)
                self.pump()

    def advance_to(self, moment: float) -> None:
        """Run the clock to ``moment``, stopping at each deadline on the way."""
        while (due := self.entity.next_deadline()) is not None and due <= moment:
            self.now = max(self.now, due)
            self.entity.handle_deadline(self.now)
            self.pump()
        self.now = moment

    def said(self, number: int) -> list[Message]:
        """Return and forget what was sent to a socket."""
        items = Decoder(1 << 20).receive(self.sent.pop(number, b""))
        assert all(isinstance(item, Packet) for item in items)
        return [item.message for item in items if isinstance(item, Packet)]

    def activated(self, source: int = TESTER, **fields: int) -> int:
        """Return the number of a socket that routes for ``source``."""
        number = self.connect()
        self.feed(number, RoutingActivationRequest(source, fields.pop("type", 0), **fields))
        self.said(number)
        self.events.clear()
        return number


class Client:
    """A tester wired to a vehicle."""

    def __init__(self, vehicle: Vehicle, settings: DoipTesterSettings | None = None) -> None:
        self.vehicle = vehicle
        self.tester = DoipTester(settings or DoipTesterSettings(source_address=TESTER))
        self.number = vehicle.connect()
        self.tester.connected(vehicle.now)

    def exchange_bytes(self) -> list[DoipTesterEvent]:
        """Move bytes both ways until nothing moves; return what the tester reports."""
        moved = True
        while moved:
            out = self.tester.data_to_send()
            if out:
                self.vehicle.feed(self.number, out)
            self.vehicle.pump()
            back = self.vehicle.sent.pop(self.number, b"")
            if back:
                self.tester.receive(back, self.vehicle.now)
            moved = bool(out or back)
        if self.number in self.vehicle.closed:
            self.tester.disconnected()
        return self.events()

    def events(self) -> list[DoipTesterEvent]:
        found = []
        while (event := self.tester.next_event()) is not None:
            found.append(event)
        return found


def request(target: int, payload: str, source: int = TESTER) -> DiagnosticMessage:
    return DiagnosticMessage(source, target, bytes.fromhex(payload))
