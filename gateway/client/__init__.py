"""What operators' scripts import: the gateway as a library, under Trio and without.

    client       Client: sign in, connectors, sessions, images           (Trio)
    session      Session: exchanges, frames, news, jobs, recordings      (Trio)
    jobs         a transfer job: followed, given keys, paused, aborted   (Trio)
    streams      raw frames and news on their way to a script
    blocking     the same for scripts without Trio: one thread behind it
    bus          python-can: can.Bus(interface="diagnostic-gateway", ...)
    uds          udsoncan: GatewayConnection
    units        how control units are named
    profile      where the gateway is and who asks
    records      what the gateway answers
    api, socket, connection    HTTP and websocket below them
    errors       what can go wrong

It imports ``protocols`` and nothing of the server; ``docs/sdk.md`` shows it at work.
"""

from __future__ import annotations

from gateway.client.client import Client
from gateway.client.errors import ClientError, Interrupted, NegativeAnswer, NoAnswer, Refused
from gateway.client.session import Session
from gateway.client.units import can, doip, everybody

__all__ = [
    "Client",
    "ClientError",
    "Interrupted",
    "NegativeAnswer",
    "NoAnswer",
    "Refused",
    "Session",
    "can",
    "doip",
    "everybody",
]
