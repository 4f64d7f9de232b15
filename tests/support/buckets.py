"""An S3-compatible service on loopback, in a process of its own: moto's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.request import ProxyHandler, Request, build_opener

from gateway.config import FileSettings, Secret

#: Serves on a free port and says which; nothing else is written to standard output.
_SERVER = """
import logging
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Service:
    """A service that runs.

    Attributes:
        address: of the service.
        process: kill it and it is gone.
    """

    address: str
    process: subprocess.Popen[str]

    def bucket(self, name: str) -> FileSettings:
        """Make a bucket and return the settings that lead to it."""
        request = Request(f"{self.address}/{name}", method="PUT")
        request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3")
        # Whatever proxy the machine has is not for loopback.
        build_opener(ProxyHandler({})).open(request, timeout=10).close()
        return replace(SETTINGS, s3_endpoint=self.address, s3_bucket=name)


#: Settings that lead nowhere yet.
SETTINGS = FileSettings(
    kind="s3",
    s3_prefix="gateway/",
    s3_access_key=Secret("AKIAIOSFODNN7EXAMPLE"),
    s3_secret_key=Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
)


@contextmanager
def open_service() -> Iterator[Service]:
    """Run a service for the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, "the S3-compatible service did not start"
        yield Service(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
