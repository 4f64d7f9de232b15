"""How each of the three APIs speaks: envelopes, pages, sorting, refusals, credentials."""
