"""What is said between connectors, vehicles, gateway and tools: bytes and events, no I/O.

Every machine here has the same small face: ``receive(data, now)``, ``send(message, now)``,
``next_event()``, ``data_to_send()``, ``next_deadline()`` and ``handle_deadline(now)``. Time is an
argument in seconds of any monotonic clock; a deadline is a return value. So every timer of the
standards can be tested to the microsecond without waiting.

    diagnosis a tester on CAN: many exchanges over one stream of frames; above the next four
    link      connector <-> gateway, over a websocket
    uds       ISO 14229: a tester's exchange policy, an ECU's session and security state
    isotp     ISO 15765-2 on can-isotp's engine, without its threads
    doip      ISO 13400-2 on doipclient's message classes: tester and entity
    can       the frame record, the batch codec, filters
    fsm       the one shared machinery: a table of states and triggers
    errors    local misuse against a peer's fault

Never here: sockets, trio, clocks, randomness, logging, SQL, HTTP.
"""
