"""Thousands of connectors in one process or several, on good roads and bad ones.

    command     ``firmware-sim fleet``
    running     to its end, in one process or several; crew: these; sharing: who is in which
    fleet       lets everybody dial in, keeps them until the end
    member      one connector: the real link, a table in place of the vehicle
    answers     what that table says
    frames      the bus of a monitored member; watch: its monitors
    profiles    idle, busy, flaky
    scenario    which faults there are, as data; schedule: when each connector gets which
    faults      a stream that does to the bytes what a bad network does
    misfortune  one connector's faults in their order, and what came of each
    graveyard   sockets that must stay open after their connection is over
    wire        counts the bytes of the whole fleet
    agenda      everybody's appointments, in one task
    tally       what happened, in numbers; percentiles: times in a fixed number of buckets
    footprint   what this process costs
    display     progress and summary

A member speaks the link with the same client and machine as a connector in a simulated vehicle,
but has no CAN behind it. Whoever tests diagnostics wants ``firmware-sim run``; whoever tests a
gateway's links wants this.
"""
