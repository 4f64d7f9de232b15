"""Doors for operators' own diagnostic tools: a session's vehicle, reached as tools know it.

    place       what a door is given; what it counts
    service     opens and closes doors; each lives no longer than its session
    ports       TCP and UDP ports out of the configured range
    strangers   who tried wrong keys, and has to wait
    addresses   every control unit of a vehicle as a DoIP logical address (table)
    doip        DoIP: sockets, routing activation, the lease, identification
    diagnosis   DoIP: diagnostic messages as exchanges of the session, and back
    outgoing    DoIP: one client's way out
    socketcand  socketcand: clients, who may open which bus
    client      socketcand: one client: frames, channel, timers

Every exchange and every frame goes through ``gateway.sessions``: lease, limits and recording hold
for tools as for everybody else. What a client sends ends its own connection at most.

May import: sessions and what is below it, protocols.doip, protocols.socketcand. Never: HTTP.
"""
