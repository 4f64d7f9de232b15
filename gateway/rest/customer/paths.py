"""Where operations are mounted whose path is not known for certain.

The portal's contract was put together from what could be observed; it says of each operation how
sure its path is. Those below the highest confidence stand here and nowhere else, so that a better
path, once known, is one changed line.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Operation of the contract -> where it is mounted; names in brackets are the handlers' own.
PATHS: Mapping[str, str] = {
    # Low confidence: named by analogy.
    "getConnectorByUuid": "/v2/connectors/<connector_uuid>",
    "dismissConnectorAttention": (
        "/v2/connectors/<connector_uuid>/actions/dismiss-call-for-attention"
    ),
    "getActiveTicket": "/v1/connectors/<connector_id>/active-ticket",
    "putTicketCsat": "/v1/tickets/<ticket_id>/csat",
    "listServicedVehicles": "/v1/historical-vehicles",
    "getBranding": "/v1/customer-branding",
    "getServiceCenterState": "/v1/service-center/status",
    # Medium: seen in use elsewhere, or named after the resource.
    "listConnectors": "/v1/connectors",
    "getConnector": "/v1/connectors/<connector_id>",
    "listProducts": "/v1/products",
    "addFavoriteProduct": "/v1/favorite-products",
    "removeFavoriteProduct": "/v1/favorite-products/<product_id>",
    "listProductPrerequisites": "/v1/product-prerequisites",
    "listPreparedTickets": "/v1/prepared-tickets",
    "createTicket": "/v1/tickets",
    "searchVehicle": "/v1/vehicles/search",
    "listVehicleMakes": "/v1/vehicles/makes",
    "listVehicleModelGroups": "/v1/vehicles/model-groups",
    "getVehicleModelGroup": "/v1/vehicles/model-groups/<group_id>",
    "listVehicleModels": "/v1/vehicles/models",
    "getVehicleModel": "/v1/vehicles/models/<model_id>",
    "listVehicleModelVariants": "/v1/vehicles/model-variants",
    "getVehicleModelVariant": "/v1/vehicles/model-variants/<variant_id>",
    "getCurrentUser": "/v1/users/me",
    "getEmployee": "/v1/employees/<employee_id>",
    "changeEmployee": "/v1/employees/<employee_id>",
    "changeCustomer": "/v1/customers/me",
    "getServiceCenter": "/v1/service-center",
    "loginByConnectorUuid": "/v2/authenticate/pincode",
    "loginByOtp": "/v1/authenticate/otp",
}
