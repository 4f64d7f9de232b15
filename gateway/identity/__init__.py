"""Who somebody is, proved once at the door.

    identity     ``Identity``: the face the doors use; a token in, a principal out
    sign_in      customers: connector and pincode, one-time password, refresh
    passwords    employees: email and password, and a mailed code to choose one
    admission    what every way in ends with: tokens and a line in the audit trail
    employees    a garage's people: added, changed, shut out
    operators    client credentials and the tokens they buy
    shops        back-office users and their ``id|secret`` tokens
    connectors   devices: key pairs, pincodes, rotation, disabling
    tenants      providers and garages
    tokens       signed tokens (JWT, Ed25519), with their keys in ``keyring``
    sealing      the one secret outside the database, and keys derived from it
    emails       what people sign in with
    hashing      Argon2id in threads, for what people remember
    throttle     how often somebody may guess

Rules. Unknown and wrong take the same path, the same time and get the same answer. An attempt is
counted before it is judged. Secrets that people choose are Argon2id hashes, random ones are
SHA-256; none is ever logged. What changes an account or a key is in the audit trail, written in
the same transaction.

May import ``bus``, ``mail``, ``storage``, ``runtime``, ``domain`` and ``config``. Knows nothing
of HTTP.
"""
