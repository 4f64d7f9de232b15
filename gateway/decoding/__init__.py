"""What messages mean: names, units and trouble-code texts from files that operators upload.

    service    descriptions on record; which of them a vehicle has; asks the worker
    worker     the process that reads them, within its time, begun again when it fails
    questions  what is said between the two
    process    that process
    pdx        diagnostic descriptions (ODX, by odxtools)
    dbc        CAN databases (by cantools)

Files come from outside and are read by large libraries, so that happens in a process of its own,
with bounded memory and time. Exchanges and frames never depend on it: without an answer in time
they go without names.

May import storage and what lies below.
"""
