"""socketcand, CAN frames as text over TCP: the server's side, without sockets.

    text        bytes -> commands' words, incremental; frames, PDUs and errors -> text
    commands    words -> typed commands (table), and what is wrong with them
    broadcast   cyclic frames, content filters and throttles of the BCM mode
    echoes      which frames of a bus are a client's own
    events      what the machine asks of its driver
    connection  one client: modes (table), commands, what is shown to it

The facts are those of linux-can/socketcand, ``doc/protocol.md`` and its daemon: where the two
differ, clients have been written against the daemon. Numbers beyond it: CAN-FD frames (up to 64
bytes of data) on buses that have them.

May import: protocols.can, protocols.errors, protocols.fsm. Never: clocks, sockets, UDS knowledge.
"""
