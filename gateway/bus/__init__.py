"""Events on their way from what happened to who wants to know.

    topics      what an event can be asked for by: its type, its family, its subject
    memory      ``MemoryBus``: live feeds within this process
    outbox      ``OutboxRelay``: from committed transactions to the bus, in order
    consumers   ``DurableConsumer``: handles every event once, in a transaction, over restarts
    live        events of the moment, from code that must not wait
    line        what nodes say to each other and hear; within one process
    valkey      the same through a Valkey or Redis server
    notices     what is said, as typed records
    spreading   events from node to node

Two ways to listen, for two needs. A **subscription** is live: it hears what is published while
it is open, and its bound and policy say what a slow listener loses. A **durable consumer** keeps
its position in the database and loses nothing. What must not be lost is written to the outbox in
the business transaction (``storage.queries.events.append``); what is only of the moment (a
connector's voltage) is published straight to the bus.

May import ``storage``, ``runtime``, ``domain`` and ``config``.
"""
