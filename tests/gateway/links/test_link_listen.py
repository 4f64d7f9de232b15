from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
import trio
import trustme
from structlog.typing import FilteringBoundLogger

from firmware_sim.firmware.dialling import client_tls
from firmware_sim.firmware.link import Backoff, Identity, LinkClient, LinkRefusedError
from gateway.config import LinkSettings
from gateway.links.listen import LinkListener
from protocols.link.events import Closed, Event
from protocols.link.messages import CloseCode
from tests.support.link_pair import CAPABILITIES, OTHER_PRIVATE, PRIVATE, UUID_TEXT
from tests.support.link_world import LinkWorld, open_world, until

SETTINGS = LinkSettings(host="127.0.0.1", port=0)


class _Listening:
    """A listener on a real socket, and how to dial it."""

    def __init__(self, world: LinkWorld, listener: LinkListener, url: str) -> None:
        self.world = world
        self.listener = listener
        self.url = url
        self.told: list[Event] = []
        self.clients: trio.Nursery

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1].split("/")[0])

    def client(
        self, tls: ssl.SSLContext | None = None, private: bytes | None = PRIVATE
    ) -> LinkClient:
        return LinkClient(
            self.url,
            Identity(UUID_TEXT, private),
            CAPABILITIES,
            self.told.append,
            random=Random(1),
            tls=tls,
            backoff=Backoff(first=0.01, longest=0.05),
        )

    async def refusal(self, client: LinkClient) -> Closed:
        """Let a client dial in, and return how it was sent away."""
        with pytest.raises(LinkRefusedError), trio.fail_after(20):
            await client.run()
        [closed] = [event for event in self.told if isinstance(event, Closed)]
        self.told.clear()
        return closed

    async def until_live(self, client: LinkClient) -> None:
        await until(lambda: client.live)


@asynccontextmanager
async def _listening(
    log: FilteringBoundLogger, settings: LinkSettings = SETTINGS
) -> AsyncIterator[_Listening]:
    async with open_world() as world:
        listener = LinkListener(world.port, settings, log, world.metrics)
        here = _Listening(world, listener, await world.nursery.start(listener.run))
        async with trio.open_nursery() as here.clients:
            yield here
            here.clients.cancel_scope.cancel()  # first: they hang up, and nobody waits for them
        await until(lambda: not any(live.connected for live in world.registry))


@pytest.mark.slow
async def test_a_connector_dials_in_over_a_real_socket(log: FilteringBoundLogger) -> None:
    async with _listening(log) as here:
        assert here.url == f"ws://127.0.0.1:{here.port}/link/v1"
        client = here.client()
        here.clients.start_soon(client.run)
        await here.until_live(client)
        assert here.world.live.connected


@pytest.mark.slow
async def test_nonsense_on_a_real_socket_disturbs_nobody(log: FilteringBoundLogger) -> None:
    async with _listening(log) as here:
        client = here.client()
        here.clients.start_soon(client.run)
        await here.until_live(client)
        for packet in (b"\x00" * 50, b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n", b""):
            async with await trio.open_tcp_stream("127.0.0.1", here.port) as stream:
                if packet:
                    await stream.send_all(packet)
                    with trio.fail_after(20):
                        while await stream.receive_some():
                            pass
        assert client.live
        assert not [event for event in here.told if isinstance(event, Closed)]


@pytest.mark.slow
async def test_a_stop_says_goodbye_and_ends(log: FilteringBoundLogger) -> None:
    async with open_world() as world:
        listener = LinkListener(world.port, SETTINGS, log, world.metrics)
        async with trio.open_nursery() as clients:
            async with trio.open_nursery() as service:
                here = _Listening(world, listener, await service.start(listener.run))
                client = here.client()
                clients.start_soon(client.run)
                await here.until_live(client)
                listener.stop()
            # The service has ended by itself: its nursery is empty.
            with pytest.raises(OSError, match="failed"):
                await trio.open_tcp_stream("127.0.0.1", here.port)
            await until(lambda: any(isinstance(event, Closed) for event in here.told))
            clients.cancel_scope.cancel()
        [closed] = [event for event in here.told if isinstance(event, Closed)]
        assert (closed.code, closed.by_peer) == (CloseCode.RESTARTING, True)


@pytest.mark.slow
async def test_tls(log: FilteringBoundLogger, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    settings = replace(
        SETTINGS, certificate=tmp_path / "cert.pem", private_key=tmp_path / "key.pem"
    )
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with _listening(log, settings) as here:
        assert here.url.startswith("wss://")
        doubting = here.client(ssl.create_default_context())
        here.clients.start_soon(doubting.run)
        await trio.sleep(0.1)
        assert not doubting.live, "nobody vouches for this gateway"
        client = here.client(trusting)
        here.clients.start_soon(client.run)
        await here.until_live(client)
        assert here.world.live.connected


class _Authorities:
    """One for the gateway's certificate, one for its connectors', and one nobody knows."""

    def __init__(self, folder: Path) -> None:
        self.gateway, self.devices, self.foreign = trustme.CA(), trustme.CA(), trustme.CA()
        self.folder = folder
        certificate = self.gateway.issue_cert("localhost", "127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        self.devices.cert_pem.write_to_path(folder / "devices.pem")
        self.gateway.cert_pem.write_to_path(folder / "gateway.pem")
        self.settings = replace(
            SETTINGS,
            certificate=folder / "cert.pem",
            private_key=folder / "key.pem",
            client_ca=folder / "devices.pem",
        )

    def dial(
        self, issuer: trustme.CA | None, *names: str, common: str | None = None
    ) -> ssl.SSLContext:
        """Return what a device with such a certificate dials in with."""
        if issuer is None:
            return client_tls(self.folder / "gateway.pem")
        certificate = issuer.issue_cert(*names, common_name=common)
        certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "device.pem")
        return client_tls(self.folder / "gateway.pem", self.folder / "device.pem")


@pytest.mark.slow
@pytest.mark.parametrize("common", [True, False], ids=["common name", "alternative name"])
async def test_a_client_certificate_is_the_other_way_in(
    common: bool, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    with_authorities = _Authorities(tmp_path)
    names, as_common = (["device"], UUID_TEXT) if common else ([UUID_TEXT], None)
    tls = with_authorities.dial(with_authorities.devices, *names, common=as_common)
    async with _listening(log, with_authorities.settings) as here:
        client = here.client(tls, private=None)
        here.clients.start_soon(client.run)
        await here.until_live(client)
        assert here.world.live.connected


@pytest.mark.slow
async def test_a_key_still_gets_in_where_certificates_are_taken(
    log: FilteringBoundLogger, tmp_path: Path
) -> None:
    with_authorities = _Authorities(tmp_path)
    async with _listening(log, with_authorities.settings) as here:
        client = here.client(with_authorities.dial(None))
        here.clients.start_soon(client.run)
        await here.until_live(client)


@pytest.mark.slow
async def test_a_wrong_certificate_looks_like_a_wrong_key(
    log: FilteringBoundLogger, tmp_path: Path
) -> None:
    with_authorities = _Authorities(tmp_path)
    plain = with_authorities.dial(None)
    another = with_authorities.dial(with_authorities.devices, str(UUID(int=5)))
    nobody = with_authorities.dial(with_authorities.devices, "engine")
    right = with_authorities.dial(with_authorities.devices, UUID_TEXT)
    async with _listening(log, with_authorities.settings) as here:
        wrong_key = await here.refusal(here.client(plain, OTHER_PRIVATE))
        assert wrong_key.code == CloseCode.AUTHENTICATION
        # Also with the right key: a device that has a certificate must not come as another.
        for tls, private in ((another, None), (another, PRIVATE), (nobody, None), (plain, None)):
            assert await here.refusal(here.client(tls, private)) == wrong_key
        here.world.known.clear()
        assert await here.refusal(here.client(right, None)) == wrong_key, "unknown, or disabled"
        assert here.world.registry.counters.refused == {"authentication": 6}


@pytest.mark.slow
async def test_a_certificate_by_a_foreign_authority_ends_in_tls(
    log: FilteringBoundLogger, tmp_path: Path
) -> None:
    with_authorities = _Authorities(tmp_path)
    async with _listening(log, with_authorities.settings) as here:
        client = here.client(with_authorities.dial(with_authorities.foreign, UUID_TEXT), None)
        here.clients.start_soon(client.run)
        await until(lambda: here.world.registry.counters.refused["no_tls"] > 0)
        assert not client.live
        assert not here.told


async def test_an_address_in_use_is_an_error_at_the_start(log: FilteringBoundLogger) -> None:
    async with _listening(log) as here:
        taken = replace(SETTINGS, port=here.port)
        again = LinkListener(here.world.port, taken, log, here.world.metrics)
        with pytest.raises(OSError, match="in use"):
            await again.run()
