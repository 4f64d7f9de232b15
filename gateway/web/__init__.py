"""What all HTTP doors share; they translate with it and decide nothing here.

    problems     refusals and surprises -> application/problem+json, one status table
    bodies       request body -> typed record, or a refusal that names the field
    parameters   query text -> typed value, likewise
    paging       offset and limit by the API's profile
    auth         token from a request -> who is asking
    health       /healthz, /readyz, /metrics
    server       Hypercorn on Trio with a guard around every connection, and a graceful stop

May import ``identity``, ``runtime``, ``domain`` and ``config``. Quart and Hypercorn appear here,
in the doors above and in ``app`` only. Never put a route of a product API in this room.
"""
