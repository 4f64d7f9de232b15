"""``/ws/operator``: sessions live.

    messages    what clients may say, as typed records
    streams     news and frames of sessions, forwarded to the socket's one bounded queue
    orders      jobs and leases
    gathering   raw frames of many buses in few messages
    socket      one client from sign-in to close

Exchanges made here cost a message each way and no HTTP request. Frames are dropped, and counted,
when a client reads too slowly; exchanges never are.
"""
