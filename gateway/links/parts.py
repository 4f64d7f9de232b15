"""The doors that connectors dial in at, from the parts behind."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import Protocol
from uuid import UUID

from gateway.config import Settings
from gateway.domain.connector import KnownConnector
from gateway.identity.identity import Identity
from gateway.links.counters import LinkCollector
from gateway.links.listen import LinkListener
from gateway.links.local import LocalConnectors
from gateway.links.port import LinkPort, PortOptions
from gateway.links.registry import Registry
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.supervise import Restart, Supervisor
from protocols.link.handshake import NONCE_SIZE


class Parts(Protocol):
    """What there must be below; the composition root has it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def log(self) -> Log: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def local(self) -> LocalConnectors: ...


async def start_links(services: Supervisor, parts: Parts) -> str:
    """Start the doors, and the connectors of this machine; return where connectors dial in.

    Raises:
        OSError: the address cannot be bound.
    """
    chosen, registry = parts.settings.link, parts.registry

    async def find(uuid: UUID) -> KnownConnector | None:
        known = await parts.identity.connectors.keys(uuid)
        if known is None:
            return None
        public = (*known.public_keys, *parts.local.public_keys(uuid))
        return replace(known, public_keys=public)

    nonce = partial(secrets.token_bytes, NONCE_SIZE)
    jitter = secrets.SystemRandom().random
    port = LinkPort(registry, find, nonce, PortOptions.of(chosen), parts.log, jitter=jitter)
    counters, links = registry.counters, registry.connections
    collector = LinkCollector(counters, links, lambda: port.admission.handshakes)
    parts.metrics.registry.register(collector)
    listener = LinkListener(port, chosen, parts.log, parts.metrics)
    url: str = await services.start("links", listener.run, stop=listener.stop)
    if len(parts.local):
        await _start_local(services, parts, port, url)
    return url


async def _start_local(services: Supervisor, parts: Parts, port: LinkPort, link_url: str) -> None:
    """Start the connectors of this machine; they dial in over loopback, without TLS."""
    chosen = parts.settings.link
    if not chosen.is_plain_on_loopback:
        own = replace(chosen, host="127.0.0.1", port=0, certificate=None, private_key=None)
        listener = LinkListener(port, own, parts.log, parts.metrics)
        link_url = await services.start("local links", listener.run, stop=listener.stop)
    for process in parts.local.processes(link_url):
        name = f"local connector {process.name}"
        await services.start(name, process.run, restart=Restart())
