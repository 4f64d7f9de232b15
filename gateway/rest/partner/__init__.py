"""``/partner``: the API for service providers and their operators.

token   client credentials for an access token (RFC 6749, 4.4)
"""
