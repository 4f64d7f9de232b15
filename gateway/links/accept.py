"""Takes connections out of the listen queue, no faster than they can be served.

``trio.serve_listeners`` accepts whatever comes as soon as it comes; then a fleet that returns is
thousands of handshakes side by side, each of which gets on so slowly that its connector gives up.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import trio

from gateway.links.admission import Admission
from gateway.runtime.logs import Log

#: What accept(2) returns when this process or this machine has no more to give; it passes.
_NO_CAPACITY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})

#: Seconds until accepting is tried again then.
_UNTIL_THEN = 0.5


async def accept_paced(
    # Any: a listener and a handler are typed by their kind of stream; these take both.
    listener: trio.abc.Listener[Any],
    handler: Callable[[Any], Awaitable[None]],
    connections: trio.Nursery,
    admission: Admission,
    log: Log,
) -> NoReturn:
    """Hand every connection of a listener to a task of its own, each in its turn, until cancelled.

    Args:
        listener: closed at the end.
        handler: serves one connection under the guard, and closes it.
        connections: of these tasks; they outlive the accepting.
        admission: says when it is the next one's turn.
        log: hears when connections cannot be accepted.

    Raises:
        OSError: accepting fails for another reason than that resources have run out.
    """
    async with listener:
        while True:
            await admission.wait_turn()
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in _NO_CAPACITY:
                    raise
                log.error("cannot accept connectors now", reason=os.strerror(error.errno or 0))
                await trio.sleep(_UNTIL_THEN)
            else:
                admission.accepted(trio.current_time())
                connections.start_soon(handler, stream)
