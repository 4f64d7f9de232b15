"""Addresses of things in a bucket that are good for one method and a while (AWS Signature 4).

botocore computes the signature and nothing else: no service model is loaded, no connection made,
no credentials are looked for on the machine. It is imported by those who have a bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from gateway.config import FileSettings, Secret

#: Seconds that an address is good for which the gateway itself uses at once; clocks may differ.
OWN_USE = 900


class Presigner:
    """Signs for one bucket.

    Args:
        settings: bucket, region and keys; checked before.
        endpoint: of the service, as whoever gets the addresses reaches it.
    """

    def __init__(self, settings: FileSettings, endpoint: str) -> None:
        from botocore.credentials import Credentials  # type: ignore[import-untyped]  # noqa: PLC0415

        access, secret = settings.s3_access_key, settings.s3_secret_key
        self._credentials = Credentials(_revealed(access), _revealed(secret))
        self._region = settings.s3_region
        parts, bucket = urlsplit(endpoint), settings.s3_bucket
        host = parts.netloc if settings.s3_path_style else f"{bucket}.{parts.netloc}"
        self._root = f"{parts.scheme}://{host}/"
        if settings.s3_path_style:
            self._root += f"{bucket}/"

    def url(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        *,
        seconds: int = OWN_USE,
    ) -> str:
        """Return the address for one method on a key, or on the bucket itself."""
        from botocore.auth import S3SigV4QueryAuth  # type: ignore[import-untyped]  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # noqa: PLC0415

        address = self._root + quote(key, safe="/-_.~")
        request = AWSRequest(method=method, url=address, params=dict(query or {}))
        signer = S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=seconds)
        signer.add_auth(request)
        return str(request.url)


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else secret.reveal()
