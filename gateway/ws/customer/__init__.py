"""``/ws/customer``: what a portal follows live.

    messages   what a client may say; every spelling in use
    updates    what a subscriber is told of a connector, a ticket, a connection
    audience   those who follow one thing, told together
    channels   the chat channels that one portal follows
    outgoing   one portal's way out
    socket     one portal's conversation, from sign-in to close

JSON text messages both ways. A client subscribes and gets an update at once, another whenever
something changes, and one at least every few seconds. The close at a restart (1012) is the
server's; this room never has to remember it.
"""
