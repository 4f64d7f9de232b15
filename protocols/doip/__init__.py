"""ISO 13400-2, diagnostics over IP: the vehicle's side and the tester's side, without sockets.

    header      eight bytes in front of every message; what is wrong with them and who is told
    codec       bytes <-> doipclient's message classes; incremental for TCP, one-shot for UDP
    settings    what an entity is: addresses, VIN, limits, who may activate routing; and a tester
    events      what an entity reports to its driver
    connection  one TCP_DATA socket of an entity: states and timers (table)
    sockets     all TCP_DATA sockets of an entity: routing activation, alive checks, refusals
    entity      the vehicle's TCP side: sockets plus diagnostic messages
    discovery   the vehicle's UDP side: identification, status, power mode, announcements
    tester      the client's side of one TCP connection: activation, many ECUs (table)
    deliveries  a tester's messages until they are acknowledged, repeated or given up
    tester_events  what a tester reports to its driver

doipclient supplies message layouts, code names and the standard's times; it is not used for
anything that touches a socket. Every machine has the same face: ``receive(..., now)``,
``data_to_send()``, ``next_event()``, ``next_deadline()``, ``handle_deadline(now)``. Whatever
bytes a peer sends, a machine answers with messages and events; it never raises for them.

May import: protocols.errors, protocols.fsm, doipclient. Never: clocks, sockets, UDS knowledge.
"""
