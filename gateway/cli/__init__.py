"""The command line: one parser, one module for each group of commands.

    entry           ``main``: parse, load settings, run, turn refusals into exit statuses
    serving         ``serve``, ``demo``
    administration  ``provider``, ``tenant``, ``connector``, ``operator``, ``desk``
    catalogue       ``catalogue import|check|prices|rates``
    wallets         ``wallet show|pay|correct|allow``
    keys            ``keys rotate``
    schema          ``db upgrade|check``
    documents       ``openapi``
    diagnosis       ``connectors``, ``uds read-did|raw|dtc``: an operator at a gateway elsewhere
    flashing        ``flash``
    watching        ``monitor``, ``record export``
    remote          what these share: which gateway, which vehicle, what failures mean
    settings        ``config``
    quick_start     what is not imported unless it is needed

Every command reads the same configuration: ``--config FILE``, and the environment over it.
"""

from __future__ import annotations

from gateway.cli import quick_start  # noqa: F401  isort: skip - before python-can
from gateway.cli.entry import main

__all__ = ["main"]
