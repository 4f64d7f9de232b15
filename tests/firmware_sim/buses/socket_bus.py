"""A python-can interface whose other end is a socket in the test's hand."""

from __future__ import annotations

import errno
import pickle
import socket
from typing import Any, ClassVar

import can
import pytest
from can.interfaces import BACKENDS
from typing_extensions import override


class SocketBus(can.BusABC):
    """A real python-can interface on a socket pair: its peer is in ``peers[channel]``."""

    peers: ClassVar[dict[str, socket.socket]] = {}
    full = False
    readable = True

    def __init__(self, channel: str, **options: Any) -> None:
        if channel == "absent":
            raise OSError(errno.ENODEV, "No such device")
        self._socket, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.peers[channel] = peer
        self.options = options
        super().__init__(channel, **options)

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if SocketBus.full:
            raise can.CanOperationError("Transmit buffer full")
        try:
            self._socket.send(pickle.dumps((msg.arbitration_id, bytes(msg.data))))
        except OSError as error:
            raise can.CanOperationError("Failed to transmit", error.errno) from error

    @override
    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(1000)
        except (BlockingIOError, TimeoutError):
            return None, False
        if not data:
            raise can.CanOperationError("Network is down", errno.ENETDOWN)
        can_id, payload = pickle.loads(data)
        message = can.Message(1.5, can_id, is_extended_id=False, data=payload)
        return message, False

    @override
    def fileno(self) -> int:
        if not SocketBus.readable:
            raise NotImplementedError
        return self._socket.fileno()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._socket.close()


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the interface known to python-can, as an installed plug-in would be."""
    monkeypatch.setitem(BACKENDS, "pair", (__name__, "SocketBus"))
    monkeypatch.setattr("can.util.VALID_INTERFACES", frozenset(BACKENDS))
