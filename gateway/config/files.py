"""Files: where their bytes are, and how they come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from gateway.config.kinds import Count, Seconds, Secret


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Attachments of chats and notes, and where files are kept that all nodes need.

    Attributes:
        kind: ``folder`` of this machine, or ``s3`` for a bucket that all nodes share: attachments
            are in it alone; images for transfer jobs, descriptions of vehicles and recordings that
            have ended there as well.
        directory: folder of attachments. Not set: ``files`` in ``data.directory``.
        largest: bytes of one attachment.
        link_lifetime: seconds a link to upload or to fetch a file is good for.
        uploads: uploads that may run at once; each holds up to 8 MiB of memory.
        s3_endpoint: address of the S3-compatible service, as the gateway reaches it
            (``https://s3.eu-central-1.amazonaws.com``, ``http://storage:9000``).
        s3_public_endpoint: the same service as clients reach it: they are then sent there to
            fetch attachments. Empty: attachments come through the gateway.
        s3_region: what signatures are made for.
        s3_bucket: name of the bucket, which must exist.
        s3_prefix: beginning of every key, where the bucket is shared with others.
        s3_path_style: whether the bucket is named in the path (self-hosted services) instead of
            in the host's name.
        s3_access_key: who asks; may read, write, delete and list below ``s3_prefix``.
        s3_secret_key: what signs; never sent.
        s3_timeout: seconds the service may take for one step.
    """

    kind: Literal["folder", "s3"] = "folder"
    directory: Path | None = None
    largest: Count = 20 << 20
    link_lifetime: Seconds = 900.0
    uploads: Count = 16
    s3_endpoint: str = ""
    s3_public_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_bucket: str = ""
    s3_prefix: str = ""
    s3_path_style: bool = True
    s3_access_key: Secret | None = None
    s3_secret_key: Secret | None = None
    s3_timeout: Seconds = 15.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.kind == "folder":
            return
        if not self.s3_bucket or self.s3_access_key is None or self.s3_secret_key is None:
            yield "files.kind s3 takes files.s3_bucket, files.s3_access_key, files.s3_secret_key"
        for name in ("s3_endpoint", "s3_public_endpoint"):
            address = getattr(self, name)
            if (address or name == "s3_endpoint") and not _is_address(address):
                yield f"files.{name} must be a service's http or https address, without a path"


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    alone = not (parts.path.strip("/") or parts.query or parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and alone
