"""What happened in field sales, told to those who asked for it: signed the way Svix does.

A message goes out once the transaction is committed, again with growing pauses until it is taken
(``sending``), and each try is noted in the log of the integration that the endpoint belongs to.
Receivers check ``svix-signature``: ``v1,`` and the HMAC-SHA256 over id, time and body, joined by
dots, in base64. Secrets that begin with ``whsec_`` are base64 behind that, others are text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.moments import Moment
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)
_PREFIX = "whsec_"


def tell(shop: Shop, noun: str, verb: str, row_id: int) -> None:
    """Promise ``noun.verb`` to every active endpoint that wants it; an empty list wants all."""
    event = f"{noun}.{verb}"
    for endpoint in shop.where("webhook_endpoint", is_active=True):
        if endpoint["event_types"] and event not in endpoint["event_types"]:
            continue
        data = {"_id": _ID.render(row_id)}
        payload = {"type": event, "timestamp": Moment().render(shop.now), "data": data}
        row = {"url": endpoint["endpoint_url"], "payload": payload, "endpoint_id": endpoint["id"]}
        shop.insert("outgoing_webhook", row | {"state": "waiting", "due_at": shop.now})


def headers(shop: Shop, row: Values, sealer: Sealer) -> dict[str, str]:
    """Return what a message carries beside its body; nothing where there is no secret."""
    endpoint = shop.find("webhook_endpoint", id=row["endpoint_id"]) if row["endpoint_id"] else None
    if endpoint is None or not endpoint["secret"]:
        return {}
    name, stamp = f"msg_{row['id']}", str(int(shop.now.timestamp()))
    secret = sealer.open(endpoint["secret"])
    found = signature(secret, name, stamp, body_of(row["payload"]))
    return {"svix-id": name, "svix-timestamp": stamp, "svix-signature": found}


def body_of(payload: Mapping[str, object]) -> bytes:
    """Return the bytes that the HTTP client makes of a payload."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, name: str, stamp: str, body: bytes) -> str:
    """Return the value of ``svix-signature``."""
    signed = f"{name}.{stamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass  # then it only looks like one, and counts as text
    return secret.encode()


def log(shop: Shop, row: Values, error: str | None) -> None:
    """Note a try in the integration's log, where the endpoint's application is one."""
    endpoint = shop.find("webhook_endpoint", id=row["endpoint_id"]) if row["endpoint_id"] else None
    if endpoint is None:
        return
    try:
        app_id = int(str(_ID.parse(endpoint["application_id"])))
    except ValueError:
        return
    if shop.find("integration_app", id=app_id) is None:
        return
    state = shop.get("outgoing_webhook", row["id"])["state"]
    status = {"sent": "success", "failed": "failed"}.get(state, "retrying")
    entry = {
        "integration_id": app_id,
        "action_type": "webhook",
        "entity_type": row["payload"]["type"],
        "entity_id": row["payload"]["data"]["_id"],
        "status": status,
        "payload": row["payload"],
        "error_message": error,
        "retry_count": row["attempts"],
    }
    shop.insert("integration_action_log", entry)
