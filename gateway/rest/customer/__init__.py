"""``/v1`` and ``/v2``: the customer portal's API, as its contract spells it.

    authentication   sign in by connector, one-time password, email or refresh token; the key set
    users            the caller, their garage and its provider
    connectors       the garage's devices and their open tickets
    vehicles         the tree of makes, groups, models and variants; search by VIN
    products         what can be ordered for a vehicle
    cart             what it would cost
    tickets          ordering, what is prepared, satisfaction
    notes            what operators wrote, with what is attached
    history          finished tickets and their vehicles
    customers        the garage itself, its wallet, its provider's branding
    employees        the garage's people
    service_center   the provider's service centre, and whether it serves now
    chat             what garage and operator say to each other; translation
    files            where signed links to attachments lead
    paths            where operations are whose path is not known for certain

Each module has ``blueprint(door)``; the door is a frozen record of the services it needs. Handlers
translate: the shape of a request into a typed call, the answer into the contract's shape. Rules
live in ``tickets``, ``chat`` and ``identity``. Every read and write is
limited to the caller's tenant.
"""
