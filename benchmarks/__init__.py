"""Numbers: ``python -m benchmarks [SUITE ...] [--seconds N] [--json FILE]``.

    harness     samples, percentiles, the table, what machine and commit they belong to
    node        a gateway with simulated vehicles as processes of their own
    client      an operator over the websocket, as fast as it answers
    suites/     one module for each suite; each measures its peers in the same run

An absolute time says something about the machine; a ratio within one run says something about
the code. Quote ratios.
"""
