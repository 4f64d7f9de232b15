"""The command line: one parser, one module for each group of commands.

    entry           ``main``: parse, load settings, run, turn refusals into exit statuses
    serving         ``serve``, ``demo``
    administration  ``provider``, ``tenant``, ``connector``, ``operator``, ``desk``, ``catalogue``
    schema          ``db upgrade|check``
    documents       ``openapi``

Every command reads the same configuration: ``--config FILE``, and the environment over it.
"""

from __future__ import annotations

from gateway.cli.entry import main

__all__ = ["main"]
