"""``/ws/operator``: sessions live.

    messages    what clients may say, as typed records
    line        the way out: one bounded queue and one writer for a socket
    streams     news and frames of sessions, forwarded to the line
    socket      one client from sign-in to close

Exchanges made here cost a message each way and no HTTP request. Frames are dropped, and counted,
when a client reads too slowly; exchanges never are.
"""
