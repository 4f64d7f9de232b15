"""Orders for remote work: what can be ordered, what it costs, and how an order goes on.

    catalogue/  importing vehicles and products; from a VIN to a vehicle
    prices      pure arithmetic: lines that add up to totals, to the cent
    conversion  the same in the garage's own currency, adding up there as well
    basket      products for a vehicle with the garage's prices of the day, voucher included
    answers     the questions that have to be answered before ordering
    orders      every rule between a request and a ticket
    life        begin, close and cancel, within the table of ``domain.ticket``
    notes       what operators write for the garage to read
    wallets     paying ahead: charges, refunds, payments
    service_center  opened, closed or scheduled; what is held meanwhile
    held        lets held tickets go when their time has come
    attention   a connector calls for somebody to look
    events      what others are told of a ticket
    service     ``TicketService``: the same for doors, one transaction for each change

A change writes the ticket, its history and its event in one transaction, so that a closed ticket
is heard of in the back office exactly if it is closed.

May import ``storage``, ``bus``, ``identity``, ``links``, ``sessions``, ``runtime``, ``domain`` and
``config``; HTTP and SQL stay elsewhere.
"""
