"""What a user would build instead of the gateway, as small as it can be.

    framing     length and body, for bare TCP; numbers in front of bodies, for all peers
    mqtt        the few MQTT 3.1.1 packets that a relay through a broker needs
    mosquitto   runs a broker of our own on a free port
    outbox      what waits for a slow socket, written at once
    tcp_relay         program: raw Trio TCP, the limit
    websocket_relay   program: trio-websocket on both sides, JSON arrays for the operator
    plugs       a connector's end of each, and the keep-alive
    devices     program: many connectors in one process, of a peer or of the gateway's link
    devices_link      the latter: sources of raw frames
    threaded_stack  a tester on a bus: udsoncan, can-isotp and python-can with their threads
    middle      runs any of them, or the gateway, with its connectors: what suites measure

Peers have no accounts, sessions, leases, safe state, time limits, resuming, recording or flow
control. They forward bodies. That is what they are for: the distance to them is the price of all
that.
"""
