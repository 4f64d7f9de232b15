"""The link between a connector and the gateway: subprotocol ``connector-link.v1``.

One websocket carries everything, as binary messages. Each is an envelope: a channel, a number, an
acknowledgement, a body.

    channels    channels, reasons for an end, what all messages have in common
    messages    every message as a frozen record, and their codec
    jobs        the messages of transfer jobs, and of the files that go with them
    buses       how buses are, and how a session has them run
    vehicle     what a connector offers, and how requests name what is behind it
    envelope    the nine bytes in front of each body; serial-number arithmetic
    handshake   what a connector signs, and how the signature is checked
    state       the one table, for both roles
    delivery    numbering, acknowledgement, replay: what outlives a broken connection
    credit      how much each side may send on a channel
    health      pings, round-trip time, clock offset, the silence that means "half open"
    connection  the machine that glues them; ``role`` says which end it is

Promises: a numbered message is delivered to the other side's program exactly once and in order,
across any number of reconnections within the resume window; exchanges and jobs never drop; raw
frames may, and then say how many; control goes before exchanges before jobs before files before
frames, at every single message.

Both ends use this package, so the simulator cannot have its own reading of it. No sockets, no
clock, no randomness: nonces, keys and the time are arguments.
"""
