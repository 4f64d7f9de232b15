"""Whatever is sent wrongly gets its status and a problem that says what to do; nothing changes."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.storage.queries.identity import Provider
from tests.end_to_end.houses import PRODUCT, House, Json, settings_for
from tests.support.link_world import until

pytestmark = pytest.mark.slow

METADATA = {"app_name": "a test", "locale": "en"}

MEMBERS = ("type", "title", "status", "detail", "instance")


def problem(response: httpx2.Response, status: int, *says: str) -> Json:
    """Check a refusal: its status, its whole body, and that it says what to do."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    for member in MEMBERS:
        assert body[member], member
    assert body["status"] == status
    assert body["instance"] == response.request.url.path
    for words in says:
        assert words in body["detail"], body["detail"]
    return body


# --- signing in ------------------------------------------------------------------------------


async def test_a_wrong_pincode(house: House) -> None:
    before = house.rows()
    known = house.connector("can")
    wrong = "000000" if known.pincode != "000000" else "111111"
    body = {"connector_uuid": known.uuid, "pincode": wrong}
    refused = problem(await house.call("POST", "/v2/authenticate/pincode", body), 401, "Check")
    number = {"connector_id": known.id, "pincode": wrong}
    again = problem(await house.call("POST", "/v1/authenticate/pincode", number), 401)
    assert again["code"] == refused["code"]
    assert house.rows() == before
    assert await house.customer()  # the right one still opens


async def test_an_unknown_connector_looks_like_a_wrong_pincode(house: House) -> None:
    before = house.rows()
    known = house.connector("can")
    bodies = [
        {"connector_uuid": str(uuid4()), "pincode": known.pincode},
        {"connector_uuid": known.uuid, "pincode": "999999" + known.pincode[:1]},
    ]
    refusals = [
        problem(await house.call("POST", "/v2/authenticate/pincode", body), 401) for body in bodies
    ]
    assert refusals[0] == refusals[1]
    assert house.rows() == before


async def test_a_wrong_device_key(house: House) -> None:
    before = house.rows()
    house.keys["can"] = base64.b64encode(bytes(32)).decode()
    house.start("can")
    await until(lambda: house.sent_away == ["can"])
    assert not house.gateway.registry.status(UUID(house.connector("can").uuid)).online
    assert house.rows() == before
    await house.plug_in("can-fd")  # nobody else is any the worse for it


async def test_an_expired_token(house: House) -> None:
    settings = settings_for(house.folder)

    async def past(seconds: float, kind: str) -> str:
        moment = utc_now() - timedelta(seconds=seconds)
        identity = await open_identity(house.gateway.database, settings, lambda: moment)
        if kind == "operator":
            operator = house.people.operator
            credentials = (operator.client_id, operator.client_secret)
            issued = await identity.operators.token(*credentials, address="192.0.2.1")
            return issued.access_token
        known = house.connector("can")
        tokens = await identity.sign_in.by_connector_uuid(
            UUID(known.uuid), known.pincode, address="192.0.2.1"
        )
        return tokens.access_token

    customer, operator = await past(2_000, "customer"), await past(8_000, "operator")
    before = house.rows()
    problem(await house.call("GET", "/v1/users/me", token=customer), 401)
    problem(await house.call("GET", "/operator/v1/sessions", token=operator), 401)
    # Not their age but their expiry refused them: younger ones of the same making are good.
    young = await past(60, "customer")
    assert (await house.call("GET", "/v1/users/me", token=young)).status_code == 200
    assert house.rows() == before


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def decoded(part: str) -> Json:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_forged_tokens(house: House) -> None:
    customer, operator = await house.customer(), await house.operator()
    before = house.rows()
    header, claims, signature = customer.split(".")
    changed = encoded(decoded(claims) | {"exp": decoded(claims)["exp"] + 10_000})
    own_key = OKPKey.generate_key("Ed25519")
    signed = jwt.encode(decoded(header), decoded(claims), own_key, algorithms=["EdDSA", "Ed25519"])
    forged = [
        f"{header}.{changed}.{signature}",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{encoded({'alg': 'none'})}.{claims}.",
        f"{encoded(decoded(header) | {'alg': 'HS256'})}.{claims}.{signature}",
        signed,
        f"{header}.{claims}",
        "x" * 10_000,
    ]
    for token in forged:
        problem(await house.call("GET", "/v1/users/me", token=token), 401)
    # Good ones, at the door of somebody else.
    problem(await house.call("GET", "/v1/users/me", token=operator), 401)
    problem(await house.call("GET", "/operator/v1/sessions", token=customer), 401)
    assert house.rows() == before


# --- ordering --------------------------------------------------------------------------------


async def test_vins_that_lead_nowhere(house: House) -> None:
    token = await house.customer()
    before = house.rows()
    for vin, status in (("XXXZZZAUZHP341562", 404), ("WVWZZZ", 400), ("WVWZZZAUZHP34156O", 400)):
        path = f"/v1/vehicles/search?vin={vin}"
        problem(await house.call("GET", path, token=token), status)
    assert house.rows() == before


async def golf(house: House, token: str) -> dict[str, int]:
    found = await house.done("GET", "/v1/vehicles/search?vin=WVWZZZAUZHP341562", token=token)
    model = found["model"]["id"]
    path = f"/v1/vehicles/model-variants?vehicle_model_id={model}"
    variant = (await house.done("GET", path, token=token))["result"][0]["id"]
    return {"vehicle_model_id": model, "vehicle_model_variant_id": variant}


async def misfit(house: House, token: str, vehicle: dict[str, int]) -> int:
    """Return a product of the catalogue that this vehicle cannot have."""
    listed = await house.done("GET", f"/v1/products?limit=200&{query(vehicle)}", token=token)
    return min(house.products() - {one["id"] for one in listed["result"]})


def query(values: dict[str, int]) -> str:
    return "&".join(f"{name}={value}" for name, value in values.items())


async def test_a_product_that_does_not_fit_the_vehicle(house: House) -> None:
    await house.plug_in("can")
    token = await house.customer()
    vehicle = await golf(house, token)
    wrong = await misfit(house, token, vehicle)
    before = house.rows()
    cart = {**vehicle, "vin": "WVWZZZAUZHP341562", "product_ids": [wrong]}
    refused = await house.call("POST", "/v1/cart/calculate-prices", cart, token=token)
    assert problem(refused, 400)["field"] == "product_ids"
    order = {
        **cart,
        "connector_id": house.connector("can").id,
        "product_prerequisites": [],
        "confirmed_unattended_service": True,
        "metadata": METADATA,
    }
    refused = await house.call("POST", "/v1/tickets", order, token=token)
    assert problem(refused, 400)["field"] == "product_ids"
    assert house.rows() == before


async def test_a_group_and_a_bundle_at_once(house: House) -> None:
    token = await house.customer()
    path = f"/v1/products?product_group_id=1&product_bundle_id=1&{query(await golf(house, token))}"
    problem(await house.call("GET", path, token=token), 400, "product_bundle_id")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/connectors",
        "/v1/products",
        "/v1/product-groups",
        "/v1/vehicles/makes",
        "/v1/historical-tickets",
        "/v1/prepared-tickets",
    ],
)
async def test_a_limit_of_201(house: House, path: str) -> None:
    token = await house.customer()
    path = f"{path}?limit=201&{query(await golf(house, token))}"
    refused = problem(await house.call("GET", path, token=token), 400, "200")
    assert refused["field"] == "limit"


async def test_a_second_ticket_on_a_connector(house: House) -> None:
    await house.plug_in("can")
    await house.order()
    token = await house.customer()
    vehicle = await golf(house, token)
    path = query(vehicle)
    products = await house.done("GET", f"/v1/products?{path}&limit=200", token=token)
    product = next(one for one in products["result"] if one["item_number"] == PRODUCT)
    path = f"/v1/product-prerequisites?{path}&product_id={product['id']}"
    questions = (await house.done("GET", path, token=token))["result"]
    before = house.rows()
    order = {
        **vehicle,
        "vin": "WVWZZZAUZHP341562",
        "connector_id": house.connector("can").id,
        "product_ids": [product["id"]],
        "product_prerequisites": [
            {"definition_id": one["id"], "value": "true"} for one in questions
        ],
        "metadata": METADATA,
    }
    refused = await house.call("POST", "/v1/tickets", order, token=token)
    assert "ticket" in problem(refused, 409)["detail"]
    assert house.rows() == before


# --- exchanges -------------------------------------------------------------------------------


async def exchange(
    house: House, token: str, session: str, request: str = "3E00", ecu: Json = None
) -> httpx2.Response:
    body = {"ecu": ecu or {"request_id": 0x7E0, "response_id": 0x7E8}, "request": request}
    return await house.call(
        "POST", f"/operator/v1/sessions/{session}/exchanges", body, token=token
    )


async def test_an_offline_connector(house: House) -> None:
    token = await house.operator()
    before = house.rows()
    body = {"connector_uuid": house.connector("can").uuid}
    response = await house.call("POST", "/operator/v1/sessions", body, token=token)
    assert problem(response, 503, "try again")["code"] == "connector.offline"
    assert house.rows() == before


async def test_an_exchange_on_a_connector_that_went_offline(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    await house.unplug("can")
    uuid = UUID(house.connector("can").uuid)
    # As if its resume window had passed.
    house.gateway.registry.disconnect(uuid, 0, "gone")  # type: ignore[arg-type]
    problem(await exchange(house, token, session["id"]), 503)


async def test_a_foreign_session(house: House) -> None:
    await house.plug_in("can")
    token, stranger = await house.operator(), await house.another_operator()
    other = await house.gateway.identity.tenants.add_provider(
        Provider("Another service", "EUR"), actor="test"
    )
    far = await house.another_operator(provider=other)
    session = await house.session("can", token)
    before = house.rows()
    for who in (stranger, far):
        problem(await exchange(house, who, session["id"]), 404, "no session")
    assert house.rows() == before


async def test_an_exchange_without_the_lease(house: House) -> None:
    await house.plug_in("can")
    token, colleague = await house.operator(), await house.another_operator()
    await house.session("can", token)
    reader = await house.session("can", colleague)
    before = house.rows()
    problem(await exchange(house, colleague, reader["id"]), 409, "lease")
    assert house.rows() == before


@pytest.mark.parametrize(
    ("request_text", "status", "words"),
    [
        ("22" * 5_000, 413, "5000 bytes"),
        ("22F19", 400, "two digits"),
        ("no hex", 400, "hexadecimal"),
        ("", 400, "no bytes"),
    ],
)
async def test_requests_that_no_vehicle_gets(
    house: House, request_text: str, status: int, words: str
) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    before = house.rows()
    response = await exchange(house, token, session["id"], request_text)
    assert problem(response, status, words)["field"] == "request"
    after = await house.done("GET", f"/operator/v1/sessions/{session['id']}", token=token)
    assert after["exchanges"] == 0
    assert house.rows() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/v1/users/me"), ("POST", "/operator/v1/nowhere")],
)
async def test_addresses_and_methods_that_are_none(house: House, method: str, path: str) -> None:
    response = await house.call(method, path)
    assert response.status_code in {404, 405}
    problem(response, response.status_code)


async def test_a_body_too_large(house: House) -> None:
    token = await house.operator()
    body = {"connector_uuid": "x" * (2 << 20)}
    problem(await house.call("POST", "/operator/v1/sessions", body, token=token), 413)
