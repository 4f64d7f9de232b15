"""What the demo knows before the story begins: addresses and credentials, the ready line."""

from __future__ import annotations

import msgspec


class DemoConnector(msgspec.Struct, frozen=True):
    """A connector with everything its vehicle and its people need.

    Attributes:
        id: nine-digit number.
        uuid: how it dials in, and signs in at the portal with its pincode.
        pincode: for people at the portal.
        private_key: Ed25519, raw, base64.
        vin: of the vehicle it sits in.
        kind: ``can``, ``can-fd`` or ``doip``.
        vehicle: name of the simulated vehicle.
        seed: which specimen of it; 0 is the model's own VIN.
    """

    id: int
    uuid: str
    pincode: str
    private_key: str
    vin: str
    kind: str
    vehicle: str
    seed: int


class OperatorCredentials(msgspec.Struct, frozen=True):
    """Client credentials of the demo's operator."""

    client_id: str
    client_secret: str


class DeskCredentials(msgspec.Struct, frozen=True):
    """How the garage's desk and its programs get in."""

    email: str
    password: str
    planner_token: str
    field_sales_key: str


class World(msgspec.Struct, frozen=True):
    """The ready line: where everything is and who may use it."""

    http: str
    link: str
    customer_ws: str
    operator_ws: str
    connectors: tuple[DemoConnector, ...]
    operator: OperatorCredentials
    backoffice: DeskCredentials
