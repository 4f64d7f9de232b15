"""Services that are carried out without an operator, by declared procedures.

    declared       procedures as records, read from YAML and checked
    plan           which procedures a ticket's products and vehicle ask for
    trouble_codes  what control units answer about them, as people write it
    vehicle        asks control units in a session of its own; looks whether the vehicle is ready
    steps          one step of a procedure: what is asked, what must come back
    report         what was found and done, as PDF
    runs           take on, note progress, close, hand over: one transaction each
    carrying       one ticket's service from beginning to end, claim renewed meanwhile
    runner         ``UnattendedServices``: finds what waits and what a restart left behind

Whatever does not fit (a control unit refuses, the link is lost, the ignition is off) hands the
ticket over to an operator with a note that says why. Nothing is written twice: what a control
unit holds is read before each write, also after a restart, and read back after it.
"""
