from __future__ import annotations

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from gateway.domain.errors import Unauthorized
from gateway.identity.identity import Identity
from gateway.identity.tokens import Audience, Tokens, Use
from tests.settable_clock import SettableClock


@pytest.fixture
def tokens(identity: Identity) -> Tokens:
    return identity.tokens


def key_of(tokens: Tokens) -> OKPKey:
    return tokens._keys.current


async def refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        await tokens.verify(token, "access", "customer")
    assert caught.value.code == "identity.token_refused"


async def test_what_is_issued_is_what_is_read(tokens: Tokens, clock: SettableClock) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0, {"connector_id": 7, "gone": None})
    claims = await tokens.verify(issued.token, "access", "customer")
    assert (claims.subject, claims.token_id) == ("u1", issued.token_id)
    assert claims.more == {"connector_id": 7}
    assert claims.expires_at == issued.expires_at
    assert (issued.expires_at - clock()).total_seconds() == 900.0


async def test_the_header_names_the_key_and_the_algorithm(tokens: Tokens) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    header = json.loads(base64.urlsafe_b64decode(issued.token.split(".")[0] + "=="))
    assert header == {"typ": "JWT", "alg": "Ed25519", "kid": key_of(tokens).kid}


async def test_anybody_can_verify_with_the_public_set(tokens: Tokens) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    (published,) = tokens.public_keys()["keys"]
    read = jwt.decode(issued.token, OKPKey.import_key(published), ["Ed25519"])
    assert read.claims["sub"] == "u1"


async def test_a_token_ends_with_its_life(tokens: Tokens, clock: SettableClock) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    clock.advance(899)
    await tokens.verify(issued.token, "access", "customer")
    clock.advance(7)  # and the skew between nodes
    await refused(tokens, issued.token)


@pytest.mark.parametrize(
    ("use", "audience"), [("id", "customer"), ("refresh", "customer"), ("access", "operator")]
)
async def test_a_token_of_another_kind_opens_nothing(
    tokens: Tokens, use: Use, audience: Audience
) -> None:
    await refused(tokens, tokens.issue(use, audience, "u1", 900.0).token)


async def test_a_forged_signature_is_refused(tokens: Tokens) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    theirs = OKPKey.generate_key("Ed25519", {"kid": key_of(tokens).kid or ""})
    claims = jwt.decode(issued.token, key_of(tokens), ["Ed25519"]).claims
    header = {"alg": "Ed25519", "kid": theirs.kid}
    await refused(tokens, jwt.encode(header, claims, theirs, ["Ed25519"]))


async def test_the_public_key_as_a_shared_secret_is_refused(tokens: Tokens) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    claims = jwt.decode(issued.token, key_of(tokens), ["Ed25519"]).claims
    public = key_of(tokens).as_dict(private=False)["x"]
    assert isinstance(public, str)
    shared = OctKey.import_key(public)
    header = {"alg": "HS256", "kid": key_of(tokens).kid}
    await refused(tokens, jwt.encode(header, claims, shared, ["HS256"]))


def unsigned(header: dict[str, object], claims: dict[str, object]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


async def test_a_token_without_a_signature_is_refused(tokens: Tokens) -> None:
    claims: dict[str, object] = {"sub": "u1", "aud": "customer", "token_use": "access"}
    kid = key_of(tokens).kid
    headers: list[dict[str, object]] = [
        {"alg": "none", "kid": kid},
        {"alg": "Ed25519", "kid": kid},
        {"kid": 7},
        {},
    ]
    for header in headers:
        await refused(tokens, unsigned(header, claims))


@pytest.mark.parametrize("absent", ["exp", "iss", "aud", "sub", "jti", "token_use"])
async def test_a_token_that_lacks_a_claim_is_refused(tokens: Tokens, absent: str) -> None:
    issued = tokens.issue("access", "customer", "u1", 900.0)
    claims = jwt.decode(issued.token, key_of(tokens), ["Ed25519"]).claims
    header = {"alg": "Ed25519", "kid": key_of(tokens).kid}
    await tokens.verify(
        jwt.encode(header, claims, key_of(tokens), ["Ed25519"]), "access", "customer"
    )
    del claims[absent]
    await refused(tokens, jwt.encode(header, claims, key_of(tokens), ["Ed25519"]))


async def test_an_unknown_key_is_refused(tokens: Tokens) -> None:
    theirs = OKPKey.generate_key("Ed25519", {"kid": "theirs"})
    token = jwt.encode({"alg": "Ed25519", "kid": "theirs"}, {"sub": "u1"}, theirs, ["Ed25519"])
    await refused(tokens, token)


async def test_any_text_is_refused_and_nothing_else_happens(tokens: Tokens) -> None:
    good = tokens.issue("access", "customer", "u1", 900.0).token
    cases: list[str] = ["", ".", "..", "a.b.c", good[:-4], good + "x", good.upper(), "é.é.é"]
    cases += [good[:cut] for cut in range(0, len(good) - 1, 7)]
    cases.append(unsigned({"alg": "Ed25519", "kid": "[" * 600}, {}))
    for token in cases:
        await refused(tokens, token)


@pytest.mark.sqlite_only
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(max_size=80))
async def test_any_drawn_text_is_refused(tokens: Tokens, token: str) -> None:
    await refused(tokens, token)
    await refused(tokens, f"{token}.{token}.{token}")
