from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link.envelope import pack, unpack
from protocols.link.events import Closed, HelloReceived, Live, Proved
from protocols.link.gateway import GatewayLink
from protocols.link.handshake import NONCE_SIZE, SIGNATURE_SIZE, sign, transcript, verify
from protocols.link.messages import (
    Challenge,
    Channel,
    CloseCode,
    Hello,
    Message,
    Proof,
    Resume,
    decode_body,
    encode_body,
)
from protocols.link.state import Role, State
from tests.support.link_pair import (
    CAPABILITIES,
    OTHER_PRIVATE,
    PRIVATE,
    PUBLIC,
    UUID_TEXT,
    Pair,
    outgoing,
)

HELLO = Hello((1,), UUID_TEXT, b"c" * NONCE_SIZE, CAPABILITIES, Resume(b"t" * 16, 7))
CHALLENGE = Challenge(1, b"g" * NONCE_SIZE)

OTHER_UUID = "ffffffff-7b0e-4c1e-9d4e-2f6a1f5f7a01"


def _packed(message: Message) -> bytes:
    return pack(message.channel, 0, 0, encode_body(message))


def _message(data: bytes) -> Message:
    envelope = unpack(data)
    return decode_body(envelope.channel, envelope.body)


# --- the signature -------------------------------------------------------------------------


def test_golden_transcript() -> None:
    assert transcript(HELLO, CHALLENGE) == b"".join(
        (
            b"\x00\x00\x00\x1bconnector-link.v1 connector",
            b"\x00\x00\x00\x24" + UUID_TEXT.encode(),
            b"\x00\x00\x00\x20" + b"c" * 32,
            b"\x00\x00\x00\x20" + b"g" * 32,
            b"\x00\x00\x00\x04\x00\x00\x00\x01",
            b"\x00\x00\x00\x10" + b"t" * 16,
            b"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07",
        )
    )


def test_a_signature_fits_its_key_alone() -> None:
    signed = transcript(HELLO, CHALLENGE)
    signature = sign(PRIVATE, signed)
    assert len(signature) == SIGNATURE_SIZE
    assert verify([PUBLIC], signature, signed)
    assert not verify([PUBLIC], sign(OTHER_PRIVATE, signed), signed)
    assert not verify([], signature, signed)


def test_a_rotated_key_is_good_beside_the_new_one() -> None:
    signed = transcript(HELLO, CHALLENGE)
    other = b"\x01" * 32
    assert verify([other, PUBLIC], sign(PRIVATE, signed), signed)


@pytest.mark.parametrize("key", [b"", b"short", b"\xff" * 32, bytes(33)])
def test_a_broken_key_on_record_fits_nothing(key: bytes) -> None:
    signed = transcript(HELLO, CHALLENGE)
    assert not verify([key], sign(PRIVATE, signed), signed)


@pytest.mark.slow
@given(st.binary(max_size=80))
def test_no_other_bytes_are_a_signature(signature: bytes) -> None:
    assert not verify([PUBLIC], signature, transcript(HELLO, CHALLENGE))


def test_a_private_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        sign(b"short", b"")


@pytest.mark.parametrize(
    ("hello", "challenge"),
    [
        (msgspec.structs.replace(HELLO, uuid=OTHER_UUID), CHALLENGE),
        (msgspec.structs.replace(HELLO, nonce=b"x" * NONCE_SIZE), CHALLENGE),
        (msgspec.structs.replace(HELLO, resume=None), CHALLENGE),
        (msgspec.structs.replace(HELLO, resume=Resume(b"u" * 16, 7)), CHALLENGE),
        (msgspec.structs.replace(HELLO, resume=Resume(b"t" * 16, 8)), CHALLENGE),
        (HELLO, Challenge(2, CHALLENGE.nonce)),
        (HELLO, Challenge(1, b"x" * NONCE_SIZE)),
    ],
    ids=["uuid", "nonce", "no claim", "claimed link", "claimed number", "version", "challenge"],
)
def test_a_signature_covers_every_part(hello: Hello, challenge: Challenge) -> None:
    signature = sign(PRIVATE, transcript(HELLO, CHALLENGE))
    assert not verify([PUBLIC], signature, transcript(hello, challenge))


# --- two machines --------------------------------------------------------------------------


def test_a_handshake_has_four_messages() -> None:
    pair = Pair()
    pair.flow()
    assert pair.transcript == [
        "connector: Hello",
        "gateway: Challenge",
        "connector: Proof",
        "gateway: Welcome",
    ]
    assert pair.events[Role.CONNECTOR] == [Live(resumed=False)]
    assert [type(event) for event in pair.events[Role.GATEWAY]] == [HelloReceived, Proved, Live]


@dataclass(frozen=True)
class _Refusal:
    keys: tuple[bytes, ...]
    private: bytes


@pytest.mark.parametrize(
    "refused",
    [_Refusal((PUBLIC,), OTHER_PRIVATE), _Refusal((), PRIVATE)],
    ids=["wrong key", "unknown or disabled"],
)
def test_a_stranger_and_a_wrong_key_are_refused_alike(refused: _Refusal) -> None:
    pair = Pair(keys=refused.keys, private=refused.private)
    pair.flow()
    assert pair.transcript == [
        "connector: Hello",
        "gateway: Challenge",
        "connector: Proof",
        "gateway: Goodbye",
    ]
    reason = "this connector is not known here, or its key is not the one on record"
    assert pair.events[Role.CONNECTOR] == [Closed(CloseCode.AUTHENTICATION, reason, by_peer=True)]
    assert Proved not in {type(event) for event in pair.events[Role.GATEWAY]}


def test_a_client_certificate_does_without_a_signature() -> None:
    pair = Pair(keys=None, private=OTHER_PRIVATE)
    pair.flow()
    assert pair.gateway.state is State.LIVE


def test_a_proof_recorded_on_one_connection_opens_no_other() -> None:
    overheard = Pair()
    hello = outgoing(overheard.connector)[0]
    overheard.deliver(hello, overheard.gateway)
    overheard.deliver(outgoing(overheard.gateway)[0], overheard.connector)
    proof = outgoing(overheard.connector)[0]
    overheard.deliver(proof, overheard.gateway)
    assert overheard.gateway.state is State.LIVE
    # The same hello with the same nonce, as the recording has it; the challenge is a new one.
    replay = Pair()
    replay.deliver(hello, replay.gateway)
    replay.deliver(proof, replay.gateway)
    assert replay.gateway.state is State.CLOSED
    [*_, closed] = replay.events[Role.GATEWAY]
    assert isinstance(closed, Closed)
    assert closed.code == CloseCode.AUTHENTICATION


@pytest.mark.parametrize("claim", [None, Resume(b"x" * 16, 3)], ids=["dropped", "forged"])
def test_a_hello_changed_on_the_way_does_not_authenticate(claim: Resume | None) -> None:
    """Whoever sits in between can neither take away nor invent a resume claim, nor the name."""
    pair = Pair()
    [hello] = outgoing(pair.connector)
    sent = _message(hello)
    assert isinstance(sent, Hello)
    changed = msgspec.structs.replace(
        sent, resume=claim, uuid=OTHER_UUID if claim is None else sent.uuid
    )
    pair.deliver(_packed(changed), pair.gateway)
    pair.flow()
    assert pair.events[Role.CONNECTOR] == [
        Closed(
            CloseCode.AUTHENTICATION,
            "this connector is not known here, or its key is not the one on record",
            by_peer=True,
        )
    ]


@pytest.mark.parametrize("reflected", ["HELLO", "PROOF"])
def test_messages_reflected_to_their_sender_end_the_link(reflected: str) -> None:
    """An attacker who has no key sends the connector its own messages back."""
    pair = Pair()
    [data] = outgoing(pair.connector)
    if reflected == "PROOF":
        pair.deliver(data, pair.gateway)
        pair.deliver(outgoing(pair.gateway)[0], pair.connector)
        [data] = outgoing(pair.connector)
    pair.deliver(data, pair.connector)
    assert pair.connector.state is State.CLOSED
    [closed] = pair.events[Role.CONNECTOR]
    assert isinstance(closed, Closed)
    assert (closed.code, closed.by_peer) == (CloseCode.PROTOCOL, False)
    assert f"GATEWAY sent {reflected}" in closed.reason


def test_a_reflected_challenge_ends_the_gateways_side() -> None:
    pair = Pair()
    pair.step(pair.connector)
    [challenge] = outgoing(pair.gateway)
    pair.deliver(challenge, pair.gateway)
    [*_, closed] = pair.events[Role.GATEWAY]
    assert isinstance(closed, Closed)
    assert "CONNECTOR sent CHALLENGE" in closed.reason


def _refused_hello(hello: Hello) -> Closed:
    link = GatewayLink(0.0)
    link.receive(_packed(hello), 0.0)
    [goodbye] = outgoing(link)
    closed = link.next_event()
    assert isinstance(closed, Closed)
    assert _message(goodbye).code == closed.code  # type: ignore[attr-defined]
    assert link.next_event() is None
    return closed


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"versions": (2, 99)}, CloseCode.VERSION, "no version in common"),
        ({"versions": ()}, CloseCode.VERSION, "no version in common"),
        ({"nonce": b"n" * 31}, CloseCode.PROTOCOL, "nonce of 32 bytes"),
        ({"uuid": "u" * 37}, CloseCode.PROTOCOL, "UUID of 36 letters"),
        ({"resume": Resume(b"t" * 16, -1)}, CloseCode.PROTOCOL, "number -1"),
        ({"resume": Resume(b"t" * 16, 2**32)}, CloseCode.PROTOCOL, "number 4294967296"),
    ],
)
def test_an_impossible_hello_is_refused_with_a_code(
    change: dict[str, object], code: CloseCode, reason: str
) -> None:
    closed = _refused_hello(msgspec.structs.replace(HELLO, **change))
    assert closed.code == code
    assert reason in closed.reason


def test_of_several_versions_the_best_common_one_is_chosen() -> None:
    link = GatewayLink(0.0)
    link.receive(_packed(msgspec.structs.replace(HELLO, versions=(7, 1))), 0.0)
    link.challenge(b"g" * NONCE_SIZE, [PUBLIC])
    [challenge] = outgoing(link)
    assert _message(challenge) == Challenge(1, b"g" * NONCE_SIZE)


@pytest.mark.parametrize(
    ("challenge", "code"),
    [
        (Challenge(2, b"g" * NONCE_SIZE), CloseCode.VERSION),
        (Challenge(1, b"short"), CloseCode.PROTOCOL),
    ],
)
def test_a_connector_signs_no_impossible_challenge(challenge: Challenge, code: CloseCode) -> None:
    pair = Pair()
    outgoing(pair.connector)
    pair.deliver(_packed(challenge), pair.connector)
    [closed] = pair.events[Role.CONNECTOR]
    assert isinstance(closed, Closed)
    assert closed.code == code
    assert not [data for data in outgoing(pair.connector) if isinstance(_message(data), Proof)]


def test_an_unfinished_handshake_ends_after_its_limit() -> None:
    pair = Pair(now=50.0)
    outgoing(pair.connector)
    for end, role in ((pair.connector, Role.CONNECTOR), (pair.gateway, Role.GATEWAY)):
        assert end.next_deadline() == 60.0
        end.handle_deadline(59.999)
        assert end.state is not State.CLOSED
        end.handle_deadline(60.0)
        pair.drain(end)
        [closed] = pair.events[role]
        assert isinstance(closed, Closed)
        assert (closed.code, closed.reason) == (
            CloseCode.SILENT,
            "the handshake took too long",
        )


def test_frames_and_traffic_before_the_welcome_end_the_link() -> None:
    for data in (pack(Channel.FRAME, 0, 0, b"batch"), bytes.fromhex("00 00000000 00000000 9108")):
        link = GatewayLink(0.0)
        link.receive(data, 0.0)
        closed = link.next_event()
        assert isinstance(closed, Closed)
        assert "TRAFFIC in state IDLE" in closed.reason
