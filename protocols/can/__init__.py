"""CAN as this product sees it: a frame record, a batch of them, and a choice among them.

    frame     one frame on a bus, and what the standards allow in it
    batch     many frames of one bus as one binary message, with connector time stamps
    filters   which frames a listener wants

The record is plain on purpose: drivers turn ``can.Message`` into it at the edge of the machine
that owns the bus, and everything above (ISO-TP, recordings, websockets) sees only this.

May import: ``protocols.errors``. Never here: bus access, python-can, ISO-TP, wall-clock time.
"""
