"""What can be set, and how it is read.

    kinds      bounded numbers, secrets
    reach      from where a port can be reached, and whether that takes TLS
    link       the port that connectors dial in to
    local      connectors of the gateway's own machine
    sections   one frozen record per group of settings, each field with default, unit and reason
    loading    TOML file + environment -> ``Settings``, every mistake reported at once

Lowest room of the gateway: imports nothing of ours, holds no behaviour but its own checks.
A setting exists because some code reads it; a secret is a :class:`Secret` and never prints.
"""

from gateway.config.kinds import Secret
from gateway.config.link import LinkSettings
from gateway.config.loading import ConfigError, load, settings_from
from gateway.config.local import LocalConnector, LocalSettings
from gateway.config.sections import (
    CustomerApiSettings,
    DatabaseSettings,
    DataSettings,
    HttpSettings,
    LogSettings,
    PartnerApiSettings,
    SecuritySettings,
    SessionSettings,
    Settings,
    TicketSettings,
)

__all__ = [
    "ConfigError",
    "CustomerApiSettings",
    "DataSettings",
    "DatabaseSettings",
    "HttpSettings",
    "LinkSettings",
    "LocalConnector",
    "LocalSettings",
    "LogSettings",
    "PartnerApiSettings",
    "Secret",
    "SecuritySettings",
    "SessionSettings",
    "Settings",
    "TicketSettings",
    "load",
    "settings_from",
]
