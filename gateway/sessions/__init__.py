"""Live diagnostics: who works on which vehicle, and what is said.

    targets    how operators name control units, and the checks on it
    session    one session's record and its listeners
    leases     one writer for each vehicle
    service    open, exchange, listen, end; lifetimes

A session belongs to an operator and a connector (by way of a ticket, as a rule). It ends with its
ticket, its operator's wish, its lifetime or idling; whatever the cause, the connector is told to
put the vehicle into its safe state.

May import ``links`` and what lies below it; never tickets or HTTP doors.
"""
