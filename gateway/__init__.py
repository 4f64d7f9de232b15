"""The gateway: connectors dial in, operators run sessions on vehicles, customers follow tickets.

Layers, each importing only what stands below it:

    cli              the command line
    demo             the story and its clients
    app              the composition root: start-up and shutdown order
    rest, ws         doors: customers, operators, partners, over HTTP and websocket
    backoffice       declarations in, endpoints out; hears of the rest through events
    web              HTTP plumbing: server under guard, problems, paging, tokens
    tickets          catalogue, prices, ticket life
    sessions         live diagnostics: lease, exchanges, news
    links            connectors: accept, authenticate, multiplex, resume, registry
    identity         who there is, and what proves it
    bus              events within the process, outbox, durable consumers
    storage          tables, queries, migrations
    runtime          guard, supervision, shutdown, metrics, logs, bounded feeds
    domain, config   plain frozen types; settings
    client           what operators' scripts import; knows nothing of all this

All of it over ``protocols``. Never here: asyncio, module-level state, a service locator.
"""
