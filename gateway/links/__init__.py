"""Connectors: accept, authenticate, multiplex, resume.

    port        the TCP port connectors dial in to; every connection under a guard
    socket      trio-websocket's server side, in one task
    pump        moves bytes between one websocket and its link machine
    timers      one task that keeps the deadlines of every link
    connector   ``LiveConnector``: what the rest of the gateway talks to; outlives a connection
    exchanges   requests in flight to one connector, matched to their results
    tester      exchanges for a connector without ISO-TP on board, by raw frames
    bus_tester  one bus of such a connector
    local       connectors of this machine: a process each, dialling in like any other
    monitors    who listens to which bus of a connector
    refusals    why a connector cannot do what it is asked now
    registry    who is online; status to the bus
    parts       the doors connectors dial in at
    elsewhere   what other nodes are told, and what they have

The path of an exchange: ``LiveConnector.exchange`` -> link machine -> pump -> websocket, and back
through pump -> link machine -> ``Exchanges.finish``. A connection belongs to the nursery of its
port; a ``LiveConnector`` belongs to the registry, from the first welcome to the end of the resume
window.

May import ``identity`` and what lies below it; never HTTP doors or sessions.
"""
