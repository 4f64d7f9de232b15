"""What a tester does with a vehicle on CAN: where isotp and uds meet, for whoever holds a bus.

    exchanges    ``CanExchanges``: many requests over one stream of frames, one at a time per ECU
    turns        who goes first where two requests want the same control unit
    exchange     one request: its ISO-TP connections and its UDS timing
    targets      from the link's names for control units to ISO-TP addresses
    route        which bus a request goes to, and who may answer it
    patience     the times control units state of themselves, remembered
    results      outcomes in the link's words
    identification  the vehicle's number in an answer
    sessions     diagnostic sessions that must be kept alive, and given back

The connector's firmware runs this at the vehicle; the gateway runs the same for a connector that
carries raw frames only. Both bring frames and the clock; nothing here has either.

May import ``link``, ``uds``, ``isotp`` and ``can``, which do not know each other.
"""
