"""What a user would run in place of our tester: udsoncan, can-isotp and python-can, as they come.

Both ends are theirs, so that nothing of ours is in their way: a client as their documentation
shows it, and a control unit of a dozen lines on a second can-isotp stack. Six threads in all:
python-can's notifier, can-isotp's two for each stack, the caller's. Parameters are the fastest
that the standard allows: no separation time, no block size.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import can
import isotp
from udsoncan.client import Client
from udsoncan.configs import default_client_config
from udsoncan.connections import PythonIsoTpConnection

PARAMS = {"stmin": 0, "blocksize": 0, "tx_padding": 0xCC, "max_frame_size": 4095}

#: Their control unit looks this often whether it should end, seconds.
_POLL = 0.2


@contextmanager
def their_client(channel: str) -> Iterator[Client]:
    """Open their client and their control unit on a virtual channel while the block runs.

    Args:
        channel: of python-can's virtual interface; nobody else's.
    """
    with _stack(channel, 0x7E8, 0x7E0) as unit, _stack(channel, 0x7E0, 0x7E8) as tester:
        over = threading.Event()
        unit.start()
        server = threading.Thread(target=_serve, args=(unit, over), daemon=True)
        server.start()
        config = default_client_config.copy()
        config["request_timeout"] = config["p2_timeout"] = 5
        try:
            with Client(PythonIsoTpConnection(tester), config=config) as client:
                yield client
        finally:
            over.set()
            server.join()
            unit.stop()


@contextmanager
def _stack(channel: str, tx: int, rx: int) -> Iterator[isotp.NotifierBasedCanStack]:
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=tx, rxid=rx)
    with can.interface.Bus(channel, "virtual") as bus:
        notifier = can.Notifier(bus, [], timeout=_POLL)
        try:
            yield isotp.NotifierBasedCanStack(bus, notifier, address=address, params=dict(PARAMS))
        finally:
            notifier.stop()


def _serve(unit: isotp.NotifierBasedCanStack, over: threading.Event) -> None:
    """Answer every request positively, repeating its second byte, until it is over."""
    while not over.is_set():
        request = unit.recv(block=True, timeout=_POLL)
        if request:
            unit.send(bytes([request[0] + 0x40, *request[1:2]]))
