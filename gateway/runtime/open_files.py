"""How many sockets and files this process may have open at once."""

from __future__ import annotations

import resource

#: Ten thousand links, as many HTTP connections, and room for files.
WANTED = 65_536


def raise_open_file_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit towards ``wanted``, as far as the hard limit lets us; return it.

    Most systems start processes with 1 024, which a gateway reaches with its first thousand
    connectors; beyond it no connection can be accepted any more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft
