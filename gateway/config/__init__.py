"""What can be set, and how it is read.

    kinds      bounded numbers, secrets
    reach      from where a port can be reached, and whether that takes TLS
    database   where it is, and how long anybody waits for it
    link       the port that connectors dial in to
    local      connectors of the gateway's own machine
    files      attachments, and the folder or bucket that files are in
    messaging  mail, chat
    jobs       transfer jobs
    recording  recordings of sessions, and what explains them
    cluster    several nodes
    doors      ports for operators' diagnostic tools
    unattended services that need no operator
    outside    other people's services
    sections   one frozen record per group of settings, each field with default, unit and reason
    loading    TOML file + environment -> ``Settings``, every mistake reported at once

Lowest room of the gateway: imports nothing of ours, holds no behaviour but its own checks.
A setting exists because some code reads it; a secret is a :class:`Secret` and never prints.
"""

from gateway.config.cluster import BusSettings, NodeSettings
from gateway.config.database import DatabaseSettings
from gateway.config.doors import DoorSettings
from gateway.config.files import FileSettings
from gateway.config.jobs import JobSettings
from gateway.config.kinds import Secret
from gateway.config.link import LinkSettings
from gateway.config.loading import ConfigError, load, settings_from
from gateway.config.local import LocalConnector, LocalSettings
from gateway.config.messaging import ChatSettings, MailSettings
from gateway.config.outside import OutsideSettings
from gateway.config.recording import DecodingSettings, RecordingSettings
from gateway.config.sections import (
    CustomerApiSettings,
    DataSettings,
    HttpSettings,
    LogSettings,
    PartnerApiSettings,
    SecuritySettings,
    SessionSettings,
    Settings,
    TicketSettings,
)
from gateway.config.unattended import UnattendedSettings

__all__ = [
    "BusSettings",
    "ChatSettings",
    "ConfigError",
    "CustomerApiSettings",
    "DataSettings",
    "DatabaseSettings",
    "DecodingSettings",
    "DoorSettings",
    "FileSettings",
    "HttpSettings",
    "JobSettings",
    "LinkSettings",
    "LocalConnector",
    "LocalSettings",
    "LogSettings",
    "MailSettings",
    "NodeSettings",
    "OutsideSettings",
    "PartnerApiSettings",
    "RecordingSettings",
    "Secret",
    "SecuritySettings",
    "SessionSettings",
    "Settings",
    "TicketSettings",
    "UnattendedSettings",
    "load",
    "settings_from",
]
