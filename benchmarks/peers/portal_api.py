"""The portal's polling as it is usually built: FastAPI, SQLAlchemy's ORM, PyJWT, on uvicorn.

Serves ``GET /v1/connectors/ID/active-ticket`` from a gateway's own database, for the gateway's own
tokens, with the same members in its answers. Prints its port.
"""

from __future__ import annotations

import argparse
import socket
from typing import Any
from uuid import UUID

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session, registry, relationship, selectinload, sessionmaker

from gateway.storage.tables import identity, load_all, metadata, tickets

load_all()

_HEADER = Header()


class Line:
    """A line of a ticket."""

    product_id: int


class Ticket:
    """A ticket with its lines."""

    id: int
    uuid: UUID
    vin: str
    model_id: int
    variant_id: int
    connector_id: int
    state: int
    lines: list[Line]


class Connector:
    """A connector of a garage."""

    tenant_id: int


class User:
    """Somebody at a portal."""

    tenant_id: int


#: The ORM's own classes, over the gateway's tables.
_MAPPED = registry(metadata=metadata)
_MAPPED.map_imperatively(Line, tickets.ticket_line)
_LINES = relationship(Line, order_by=tickets.ticket_line.c.position)
_MAPPED.map_imperatively(Ticket, tickets.ticket, properties={"lines": _LINES})
_MAPPED.map_imperatively(Connector, identity.connector)
_MAPPED.map_imperatively(User, identity.portal_user)

#: Any: a mapped attribute, which annotations do not tell.
_WITH_LINES: Any = Ticket.lines


class TicketOut(BaseModel):
    """A ticket as the contract spells it."""

    id: str
    uuid: str
    vin: str
    vinNumber: str  # noqa: N815 - the contract's own spelling
    vehicle_model_id: int
    vehicle_model_variant_id: int
    product_ids: list[int]
    chat_id: str
    connector_id: int
    state: int


def application(  # noqa: C901 - read from top to bottom
    database: str, key: bytes, issuer: str
) -> FastAPI:
    """Return the application; handlers run in its thread pool, as is usual with SQLAlchemy."""
    if "Ed25519" not in jwt.algorithms.get_default_algorithms():
        jwt.register_algorithm("Ed25519", jwt.algorithms.OKPAlgorithm())
    app = FastAPI()
    public = Ed25519PublicKey.from_public_bytes(key)
    engine = create_engine(database, connect_args={"check_same_thread": False}, pool_size=16)
    event.listen(engine, "connect", _prepare)
    sessions = sessionmaker(engine)

    def session() -> Any:
        with sessions() as opened:
            yield opened

    # Defaults rather than annotations: these are text here, and FastAPI looks for their names in
    # the module.
    opens = Depends(session)

    def caller(opened: Session = opens, authorization: str = _HEADER) -> User:
        try:
            claims = jwt.decode(
                authorization.removeprefix("Bearer "),
                public,
                algorithms=["Ed25519"],
                audience="customer",
                issuer=issuer,
            )
        except jwt.InvalidTokenError as error:
            raise HTTPException(401) from error
        found = opened.scalar(
            select(User).where(identity.portal_user.c.uuid == UUID(claims["sub"]))
        )
        if found is None or claims["token_use"] != "access":
            raise HTTPException(401)
        return found

    calls = Depends(caller)

    @app.get("/v1/connectors/{connector_id}/active-ticket")
    def active(connector_id: int, opened: Session = opens, user: User = calls) -> TicketOut:
        connector = opened.get(Connector, connector_id)
        if connector is None or connector.tenant_id != user.tenant_id:
            raise HTTPException(404)
        of = tickets.ticket.c
        query = select(Ticket).options(selectinload(_WITH_LINES))
        open_ones = query.where(of.connector_id == connector_id, of.state.in_([1, 2, 3]))
        found = opened.scalar(open_ones)
        if found is None:
            raise HTTPException(404)
        return _shape(found)

    return app


def _shape(found: Ticket) -> TicketOut:
    return TicketOut(
        id=str(found.id),
        uuid=str(found.uuid),
        vin=found.vin,
        vinNumber=found.vin,
        vehicle_model_id=found.model_id,
        vehicle_model_variant_id=found.variant_id,
        product_ids=[line.product_id for line in found.lines],
        chat_id=f"{found.id}_{found.uuid}",
        connector_id=found.connector_id,
        state=found.state,
    )


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.portal_api")
    parser.add_argument("database")
    parser.add_argument("key", type=bytes.fromhex, help="Ed25519 public key, hexadecimal")
    parser.add_argument("issuer")
    given = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(f"port {listening.getsockname()[1]}", flush=True)
    app = application(given.database, given.key, given.issuer)
    config = uvicorn.Config(app, log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
