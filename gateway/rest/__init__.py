"""Doors over HTTP: one package for each API, one module for each noun of it.

    customer    ``/v1``, ``/v2``: the portal
    operator    ``/operator/v1``: remote operators and their scripts
    partner     ``/partner``: service providers

A door translates: a request's shape into a typed call, the answer into the contract's shape.
Rules live below, in ``tickets``, ``sessions`` and ``identity``.
"""
