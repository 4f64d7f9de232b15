"""Settings of the way out to other people's services."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutsideSettings:
    """What the back office reaches outside: payment, parcel, telephone and other services.

    Attributes:
        addresses: service -> address in place of its own, for a proxy or a trial system:
            ``{ups = "https://proxy.example"}``.
        private: hosts by name and networks that a garage may name although they are not public,
            such as a telephone exchange on its own network: ``["pbx.lan", "10.1.0.0/16"]``.
            Only there is plain HTTP allowed.
    """

    addresses: dict[str, str] = field(default_factory=dict)
    private: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        """Yield what cannot be used."""
        for service, address in self.addresses.items():
            if not address.startswith(("https://", "http://")):
                yield f"outside.addresses: {service} must begin with https:// or http://"
        for one in self.private:
            if "/" in one and not _is_network(one):
                yield f"outside.private: {one!r} is neither a host nor a network like 10.1.0.0/16"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
