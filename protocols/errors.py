"""Two kinds of protocol error: ours and theirs.

``LocalProtocolError``: our own code used a machine in a way its state does not allow.
``RemoteProtocolError``: the peer broke the protocol; it carries what the standard lets us answer.
"""

from __future__ import annotations


class ProtocolError(Exception):
    """A rule of a protocol was broken."""


class LocalProtocolError(ProtocolError):
    """Our side asked for something the machine's state does not allow: a bug to fix."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something the protocol does not allow.

    Attributes:
        code: what the protocol prescribes as the answer (a DoIP NACK code, a UDS negative
            response code, a link close code), or ``None`` where silence is prescribed.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
