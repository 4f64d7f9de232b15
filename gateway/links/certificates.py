"""Which connector does a TLS client certificate name?

The other way to prove who dials in: the certificate is verified by TLS against ``link.client_ca``,
and names the connector's UUID as common name, as DNS name or as ``urn:uuid:`` (RFC 4122) among
its alternative names. Shutting a connector out needs no revocation list: it must be on record and
in use, whatever its certificate says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

_URN = "urn:uuid:"


def named_uuids(certificate: Mapping[str, object]) -> frozenset[UUID]:
    """Return the UUIDs that a verified certificate names.

    Args:
        certificate: as ``ssl.SSLSocket.getpeercert()`` returns it.
    """
    texts = (*_common_names(certificate), *_alternative_names(certificate))
    return frozenset(uuid for text in texts if (uuid := _uuid(text)) is not None)


def _common_names(certificate: Mapping[str, object]) -> Iterator[str]:
    for part in _tuple(certificate.get("subject")):
        for name, value in _pairs(part):
            if name == "commonName":
                yield value


def _alternative_names(certificate: Mapping[str, object]) -> Iterator[str]:
    for kind, value in _pairs(certificate.get("subjectAltName")):
        if kind == "DNS":
            yield value
        elif kind == "URI" and value.lower().startswith(_URN):
            yield value[len(_URN) :]


def _tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    for pair in _tuple(value):
        match pair:
            case (str(name), str(text)):
                yield name, text
            case _:
                continue


def _uuid(text: str) -> UUID | None:
    """Return the UUID that is spelled here; its usual spelling only, not all that Python reads."""
    try:
        uuid = UUID(text)
    except ValueError:
        return None
    return uuid if str(uuid) == text.lower() else None
