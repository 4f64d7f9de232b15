"""Make a certificate that vouches for itself: certificate.py FOLDER NAME..."""  # noqa: INP001 - a script of its own

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: Browsers take none that is good for longer.
LIFETIME = timedelta(days=397)


def main(folder: Path, names: list[str]) -> None:
    """Write ``certificate.pem`` and ``private_key.pem`` for ``names`` into ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret = os.open(folder / "private_key.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(secret, "wb") as file:
        file.write(pem)
    made = certificate(key, names).public_bytes(serialization.Encoding.PEM)
    (folder / "certificate.pem").write_bytes(made)


def certificate(key: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
    """Return a certificate for ``names``, signed with its own ``key``."""
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
