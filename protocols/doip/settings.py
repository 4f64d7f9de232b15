"""What an entity is and allows, and how a tester presents itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from protocols.doip.header import ProtocolVersion
from protocols.errors import LocalProtocolError

#: Judges the OEM field of a routing activation request: four bytes, none where it is absent.
Authentication = Callable[[bytes], bool]

#: Tells whether somebody must agree to an activation right now.
Confirmation = Callable[[], bool]

#: Addresses of clients, table 13: 0E00-0E7F legislated, 0E80-0EFF external, 0F00-0FFF internal.
CLIENT_ADDRESSES = range(0x0E00, 0x1000)


def expect_key(key: int) -> Authentication:
    """Return the rule that the OEM field must hold the 32-bit number ``key``."""
    expected = key.to_bytes(4, "big")
    return lambda oem: compare_digest(oem, expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySettings:
    """One DoIP entity (ISO 13400-2).

    Attributes:
        logical_address: its own address.
        vin: 17 characters; 17 zero characters while the vehicle has none.
        eid: six bytes, by habit the MAC address.
        gid: six bytes, the group of entities in this vehicle; zeros where not set.
        targets: logical addresses diagnostic messages may go to, functional groups included.
        clients: source addresses that may activate routing (else code 00).
        activation_types: granted at once; other types are refused with code 06.
        confirmed_types: granted after a confirmation inside the vehicle (code 11).
        confirmation: asked before each activation of any type; one that says so is granted after a
            confirmation likewise.
        authentication: judges the OEM field before anything else happens (else code 04).
        require_tls: plain sockets are refused with code 07.
        max_sockets: MCTS, registered TCP_DATA sockets; one more is held in reserve.
        max_data_size: MDS, largest message payload taken, bytes (else generic NACK 02).
        max_request: largest diagnostic request for the networks behind, bytes (else NACK 04).
        max_undecided: requests of one socket that wait for the driver (else NACK 05).
        receive_memory: bytes that all messages under way may announce together (else generic
            NACK 03).
        node_type: 0 gateway, 1 node (table 11).
        further_action: 0 none, 16 routing activation for central security (table 6).
        synchronised: VIN and GID are the same everywhere in the vehicle (table 7).
    """

    logical_address: int
    vin: str
    eid: bytes
    gid: bytes = bytes(6)
    targets: frozenset[int] = frozenset()
    clients: range = CLIENT_ADDRESSES
    activation_types: frozenset[int] = frozenset({0x00, 0x01})
    confirmed_types: frozenset[int] = frozenset()
    confirmation: Confirmation | None = None
    authentication: Authentication | None = None
    require_tls: bool = False
    max_sockets: int = 4
    max_data_size: int = 1 << 17
    max_request: int = (1 << 16) - 1
    max_undecided: int = 32
    receive_memory: int = 1 << 20
    node_type: int = 0
    further_action: int = 0
    synchronised: bool = True

    def __post_init__(self) -> None:
        """Refuse what could never be sent.

        Raises:
            LocalProtocolError: a field has a length or range the standard does not know.
        """
        lengths = (len(self.vin.encode()), len(self.eid), len(self.gid))
        if lengths != (17, 6, 6):
            raise LocalProtocolError(f"VIN, EID, GID need 17, 6, 6 bytes and have {lengths}")
        if not 1 <= self.max_sockets <= 255:
            raise LocalProtocolError(f"max_sockets is {self.max_sockets}, possible are 1 to 255")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoipTesterSettings:
    """How a client presents itself.

    Attributes:
        source_address: own logical address; 0E80 is the first of external testers (table 13).
        activation_type: table 47; 0 is the default, E0 central security.
        oem: the 32-bit OEM field of the request, absent where ``None``.
        version: protocol version of what is sent; entities of 2012 are the most widespread.
        max_length: longest payload taken from the entity, bytes.
        max_waiting: messages that may wait for an acknowledgement at once.
        confirmation_wait: how long someone in the vehicle may think about code 11, seconds.
        repeats: how often a message is repeated after "out of memory".
        repeat_interval: seconds between repeats.
    """

    source_address: int = 0x0E80
    activation_type: int = 0x00
    oem: int | None = None
    version: int = ProtocolVersion.ISO_2012
    max_length: int = 1 << 20
    max_waiting: int = 128
    confirmation_wait: float = 30.0
    repeats: int = 3
    repeat_interval: float = 0.2
