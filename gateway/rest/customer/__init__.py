"""``/v1`` and ``/v2``: the customer portal's API, as its contract spells it.

    authentication   sign in by connector, one-time password or refresh token; the key set
    users            the caller, their garage and its provider
    connectors       the garage's devices and their open tickets
    vehicles         the tree of makes, groups, models and variants; search by VIN
    products         what can be ordered for a vehicle
    cart             what it would cost
    tickets          ordering, history, notes

Each module has ``blueprint(door)``; the door is a frozen record of the services it needs. Handlers
translate: the shape of a request into a typed call, the answer into the contract's shape. Rules
live in ``tickets`` and ``identity``. Every read and write is limited to the caller's tenant.
"""
