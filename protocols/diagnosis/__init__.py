"""What a tester does with a vehicle on CAN: where isotp and uds meet, for whoever holds a bus.

    exchanges    ``CanExchanges``: many requests over one stream of frames, one at a time per ECU
    turns        who goes first where two requests want the same control unit
    exchange     one request: its ISO-TP connections and its UDS timing
    targets      from the link's names for control units to ISO-TP addresses
    speech       how ISO-TP is spoken on a bus, and with a control unit that wants it otherwise
    route        which bus a request goes to, and who may answer it
    patience     the times control units state of themselves, remembered
    results      outcomes in the link's words
    identification  the vehicle's number in an answer
    sessions     diagnostic sessions that must be kept alive, and given back

And a whole transfer as one job:

    transfer            ``TransferJob``: requests out, results in
    transfer_state      its states, as one table
    transfer_program    an order as a list of operations
    transfer_course     where in it a job is
    transfer_segment    one segment: request, blocks with their counter, exit
    transfer_attempts   repeats, restarts, and security access, which has neither
    transfer_debts      what is open in the vehicle and must be closed again
    transfer_restoring  the way to the safe state
    transfer_outcome    what came of a request
    transfer_records    what a job gives out

The connector's firmware runs this at the vehicle; the gateway runs the same for a connector that
carries raw frames only. Both bring frames and the clock; nothing here has either.

May import ``link``, ``uds``, ``isotp`` and ``can``, which do not know each other.
"""
