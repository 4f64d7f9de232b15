"""What keeps the service up: none of it knows vehicles, tickets or HTTP.

    guard      an exception of one connection closes that connection and nothing else
    supervise  services: started in order, stopped in reverse with deadlines
    shutdown   a signal becomes an event; steps that drain, each with its deadline
    feeds      bounded queues that say what happens when they are full
    metrics    one Prometheus registry per application
    logs       structured lines on standard error, secrets masked

May import ``domain`` and ``config``. Nothing here is global: the composition root makes one of
each and passes it in.
"""
