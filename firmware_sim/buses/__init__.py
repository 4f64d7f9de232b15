"""CAN buses under Trio: every python-can interface behind one awaitable face.

    can_bus    ``open_bus("virtual:demo-1")``: send, subscribe, configure; reopens a lost bus
    address    where a bus is; settings: bit rates, silence, filters
    interface_link  the same for SocketCAN, where the system has to do it
    fine_timer wakes at the microsecond, for separation times
    feed       where received frames wait for one reader: bounded, drops the oldest and counts
    router     which feeds a frame goes to, by identifier or by filter
    ports      how frames get in and out: one port a kind of python-can bus
    virtual    python-can's in-process bus without a thread, open to its other users
    messages   CanFrame <-> can.Message

A port knows python-can and nothing of ISO-TP; whoever subscribes sees `CanFrame` only. Imports
``protocols.can`` and python-can; never the firmware or the vehicle, which both sit on it.
"""
