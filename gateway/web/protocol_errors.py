"""Exceptions that a peer causes by breaking HTTP or websocket rules: theirs, not ours.

The server's protocol libraries raise them in the middle of the application too (an answer that
cannot be sent because the request turned out to be none). Anybody on the network can cause one
with a packet, as often as they like, so each is worth one line of the log and no traceback.
"""

from __future__ import annotations

import trio

#: What speaks HTTP/1.1, HTTP/2 and websockets for the server.
_LIBRARIES = frozenset({"h11", "h2", "wsproto"})


def protocol_error_in(error: BaseException | None) -> BaseException | None:
    """Return the first protocol error in ``error``, or ``None`` where anything else is in it.

    What was cancelled meanwhile does not count.
    """
    found = None
    for leaf in _leaves(error):
        if isinstance(leaf, trio.Cancelled):
            continue
        if not _is_protocol_error(leaf):
            return None
        found = found or leaf
    return found


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [] if error is None else [error]


def _is_protocol_error(error: BaseException) -> bool:
    kinds = type(error).__mro__
    return any(
        kind.__module__.partition(".")[0] in _LIBRARIES and kind.__name__.endswith("ProtocolError")
        for kind in kinds
    )
