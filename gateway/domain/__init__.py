"""Plain frozen types that every room shares.

    errors      refusals with stable codes
    events      things that happened
    principal   who is asking
    connector   how a connector is
    ticket      states and which may follow which
    catalogue   rows of the catalogue's sheets
    money       cents, reductions
    clock       wall-clock time as a value that is passed in

Never here: I/O, a framework, SQL.
"""
