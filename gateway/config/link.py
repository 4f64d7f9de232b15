"""The port that connectors dial in to: where it is, and how links are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from gateway.config.kinds import Count, Port, Seconds
from gateway.config.reach import is_loopback, pair_problems


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """The port that connectors dial in to.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        certificate: PEM file with the certificate chain; TLS when set.
        private_key: PEM file with the certificate's key.
        client_ca: PEM file of the authority whose client certificates name a connector's UUID,
            as the other way for a connector to prove itself.
        tls_elsewhere: a balancer in front ends TLS; allows plain text beyond loopback.
        ping_interval: seconds between pings while a session is open; three silent ones are the
            end of a connection, and then the grace before the vehicle's safe state begins.
        idle_ping_interval: seconds between pings otherwise. A ping costs a quarter of a
            millisecond (measured), and little else is done for idle connectors: at 25, ten
            thousand of them take a tenth of a core. The strictest mobile networks forget a
            connection that was silent for 30.
        resume_window: seconds in which a lost link may come back without losing anything.
        max_connectors: links at once; the next one is told to retry later.
        max_handshakes: connections at once between accept and welcome: at the accepted rate each
            may take two seconds, as over a bad mobile network. The next one is told to retry.
        handshakes_per_address: of these, from one address (of IPv6: one /64); the next one is
            closed. No bound with ``tls_elsewhere``, where all come from the balancer; to be
            raised behind a balancer that passes TLS on.
        accept_rate: connections taken in per second, so that a returning fleet of ten thousand
            is back in 20 s and leaves room for those who work. The others wait in the kernel's
            listen queue.
        flap_limit: new links of one connector within ``flap_window`` that are fine. One that
            begins anew more often gets growing pauses; resumed links do not count.
        flap_window: seconds; also how long a connector must stay to be cleared.
        retry_after: seconds an overloaded gateway asks a connector to wait, before jitter.
        unacknowledged: messages kept for resuming, per link; when full, senders wait.
        frame_flush_ms: longest wait of a raw frame for its batch at the connector,
            milliseconds. Less makes many small batches of a quiet bus; a full one goes anyway.
    """

    host: str = "127.0.0.1"
    port: Port = 8443
    certificate: Path | None = None
    private_key: Path | None = None
    client_ca: Path | None = None
    tls_elsewhere: bool = False
    ping_interval: Seconds = 5.0
    idle_ping_interval: Seconds = 25.0
    resume_window: Seconds = 60.0
    max_connectors: Count = 10_000
    max_handshakes: Count = 1_000
    handshakes_per_address: Count = 500
    accept_rate: Count = 500
    flap_limit: Count = 5
    flap_window: Seconds = 60.0
    retry_after: Seconds = 10.0
    unacknowledged: Count = 256
    frame_flush_ms: Annotated[int, Meta(ge=1, le=20)] = 10

    @property
    def is_plain_on_loopback(self) -> bool:
        """This machine's own connectors can use the port without a certificate's name."""
        return self.certificate is None and is_loopback(self.host)

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        yield from pair_problems("link", self.certificate, self.private_key)
        if self.client_ca is not None and self.certificate is None:
            yield "link.client_ca needs link.certificate: client certificates exist in TLS only"
        if self.idle_ping_interval < self.ping_interval:
            yield (
                f"link.idle_ping_interval {self.idle_ping_interval:g} is below "
                f"link.ping_interval {self.ping_interval:g}: idle links need fewer pings"
            )
        open_text = self.certificate is None and not self.tls_elsewhere
        if open_text and not is_loopback(self.host):
            yield (
                f"link.host {self.host!r} is beyond loopback without TLS: set link.certificate "
                "and link.private_key, or link.tls_elsewhere behind a balancer that ends TLS"
            )
