"""ISO 15765-2 (ISO-TP): payloads of up to 4 GiB over CAN frames, on can-isotp's engine.

    addressing   who speaks to whom: every mode of the standard, both directions, functional ids
    engine       can-isotp's TransportLayerLogic without threads, sleeps, logs and its own clock,
                 plus the points where it departs from the standard
    single       frames that hold a whole payload, and need no engine
    connection   the sans-IO face: frames in, frames and events out, deadlines as return values
    timers       its timers, reading the ``now`` of the call in progress
    params       separation time, block size, padding, CAN-FD, bounds, timeouts
    events       what a connection tells its driver

A driver keeps one connection for each pair of tester and ECU, finds them by ``address.rx_keys``,
hands over every frame with ``receive``, sends what ``frames_to_send`` returns, then reads
``next_event`` until it is empty, and calls ``handle_deadline`` when ``next_deadline`` has come.

May import: ``isotp``, ``protocols.can``, ``protocols.errors``. Never here: a bus, a thread, a
clock, UDS. Transmit confirmation (N_As, N_Ar) belongs to the driver, which alone sees the bus.
"""
