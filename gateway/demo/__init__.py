"""``gateway demo``: the whole story on one machine, over real sockets.

    seed        a provider, a garage, people, connectors, the catalogue
    vehicles    the simulator as a process of its own, dialling in over the link
    portal      a customer's client: HTTP and websocket
    workshop    an operator's client: HTTP and websocket, UDS by udsoncan
    desk        the garage's client at the back office
    story       what they do together, step by step
    presenter   how it is told
    command     the command: assembles all that, prints the ready line and the story line

Clients here know addresses and credentials and nothing of the server's inside: what they do, a
script on another machine can do.
"""
