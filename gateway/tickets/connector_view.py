"""A connector as customers see it, by HTTP and by websocket alike."""

from __future__ import annotations

from gateway.domain.connector import ConnectorStatus
from gateway.storage.queries.connectors import ConnectorRecord


def connector_view(connector: ConnectorRecord, status: ConnectorStatus) -> dict[str, object]:
    """Return the contract's ``Connector``: live while online, otherwise as last heard of."""
    live = status.online
    return {
        "id": connector.id,
        "uuid": str(connector.uuid),
        "is_online": live,
        "has_wifi": status.wifi if live else connector.has_wifi,
        "software_version": status.software_version if live else connector.software_version,
        "hardware_version": status.hardware_version if live else connector.hardware_version,
        "supports_doip": status.supports_doip if live else connector.supports_doip,
        "vehicle_path_string": connector.vehicle_path,
        "vin_number": status.vin or connector.last_vin,
        "product_description": connector.product_description,
        "hardware_type": connector.hardware_type,
    }
