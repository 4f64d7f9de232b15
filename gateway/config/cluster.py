"""Settings of a gateway that is one of several nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from gateway.config.kinds import Port, Secret

#: What addresses of a Valkey or Redis server begin with.
_SCHEMES = frozenset({"redis", "rediss", "valkey", "valkeys"})


@dataclass(frozen=True, slots=True)
class BusSettings:
    """What nodes tell each other; several need a Valkey or Redis server.

    Attributes:
        url: address of the server, `redis://[user:password@]host:port/number`, `rediss` with TLS;
            a secret because it may hold a password. Not set: this node is the only one.
        channel: name of the channel. Gateways that share a server but no database need one each.
    """

    url: Secret | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=64)] = "gateway"

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the address."""
        if self.url is not None and urlsplit(self.url.reveal()).scheme not in _SCHEMES:
            yield "bus.url: write redis://host:port/0, or rediss:// for TLS"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """This node among several; unused without ``bus.url``.

    Attributes:
        name: what it is called in logs. Not set: the machine's name.
        host: address where the other nodes reach it; what they say is encrypted with a key that
            is derived from ``security.key``, which all of them share.
        port: likewise; 0 is any free one, and the others are told which.
        advertise: host name or address that the others are told. Not set: ``host``.
        lease: seconds without a sign of life after which a node counts as gone, with everything
            that was connected to it.
        drain: seconds in which connectors are told to move to other nodes, one by one, when this
            one is to end; all at once would be a crowd at the others' door.
    """

    name: str = ""
    host: str = "127.0.0.1"
    port: Port = 0
    advertise: str = ""
    lease: Annotated[float, Meta(ge=1.0)] = 10.0
    drain: Annotated[float, Meta(ge=0.0)] = 5.0

    def problems(self) -> Iterator[str]:
        """Yield what the other nodes could not use."""
        if not self.advertise and self.host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared
            yield "node.advertise is missing: node.host says everywhere, which is no address"
