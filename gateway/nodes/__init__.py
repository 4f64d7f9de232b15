"""Several equal gateways as one: who else is there, and which of them has a connector.

    peers        the other nodes, as long as they give signs of life
    whereabouts  connectors at other nodes; the newest dial-in wins, wherever it was
    visits       requests that another node has to answer, carried there as they are
    reception    the port at which they arrive
    sealed       the connection between, which nobody else can read or speak
    shared_counts how often somebody guesses or asks, counted by all nodes together
    drain        how a node ends: what it has moves to the others
    parts        what one node is made of, alone or among others

There is no leader, and nothing of this is stored: every node says what it has, and keeps what the
others said. Who was cut off asks all of them again, so that a server between them (Valkey) which
loses its memory loses nothing of ours.

A session lives on the node that has its connector: there is its lease, so that one vehicle has one
writer without anything to agree on, and there are its recording and its jobs.

So whatever is asked of a session goes to its node as a whole request, over a connection of its own
from node to node; through Valkey goes nothing that somebody waits for.

May import ``links`` and what lies below it; knows nothing of HTTP.
"""
