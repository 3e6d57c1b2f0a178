"""Recordings of two foreign daemons, verified and encoded again, and our engine in the place of either end."""

from dataclasses import replace

import pytest

from agent.core.crypto import diffie_hellman
from agent.core.events import FailureReason
from agent.core.identifiers import Cookie, MessageId
from agent.core.ike import auth, keymat
from agent.core.ike.envelope import padded
from agent.core.ike.message import HEADER_OCTETS, Header, Message
from agent.core.ike.payloads import decode_payloads, encode_payloads
from agent.core.world import SECOND
from tests.support.stand import Stand
from tests.support.vectors import RecordedEntropy, Recording, Side, names, recording

ALL = names()
KEYED = names(has_keys=True)
MAIN = names(mode="main", has_keys=True)


def keys_of(each: Recording) -> keymat.Phase1Keys:
    proposal = each.accepted()
    return keymat.derive(proposal.authentication_algorithm, proposal.encryption_algorithm, each.seed())


@pytest.mark.parametrize("name", ALL)
def test_every_clear_message_survives_decoding_and_encoding(name: str) -> None:
    clear = [each for each in recording(name).messages() if not each.document["encrypted"]]
    assert clear
    for each in clear:
        message = Message.decode(each.datagram)
        assert [payload.encode().hex() for payload in message.payloads] == [
            payload["body"] for payload in each.document["payloads"]
        ]
        assert message.encode() == each.datagram


@pytest.mark.parametrize("name", KEYED)
def test_the_public_values_and_the_shared_secret_follow_from_the_exponents(name: str) -> None:
    each, group = recording(name), recording(name).accepted().dh_group
    for end, other in (("i", "r"), ("r", "i")):
        exponent = each.key(f"dh_private_{end}")
        assert diffie_hellman.public_value(group, exponent) == each.key(f"dh_public_{end}")
        secret = diffie_hellman.shared_secret(group, exponent, each.key(f"dh_public_{other}"))
        assert secret == each.key("dh_shared_secret")


@pytest.mark.parametrize("name", KEYED)
def test_every_key_of_phase_1_is_the_recorded_one(name: str) -> None:
    each, keys = recording(name), keys_of(recording(name))
    assert keys.skeyid == each.key("skeyid")
    assert keys.skeyid_d == each.key("skeyid_d")
    assert keys.skeyid_a == each.key("skeyid_a")
    assert keys.skeyid_e == each.key("skeyid_e")
    assert keys.encryption_key == each.key("encryption_key")
    assert keys.iv == each.key("iv_phase1")


@pytest.mark.parametrize("name", KEYED)
def test_both_hashes_of_phase_1_are_the_recorded_ones(name: str) -> None:
    each, keys, seed = recording(name), keys_of(recording(name)), recording(name).seed()
    (sa_body,) = each.bodies(each.messages()[0], "SA")
    initiator = auth.End(seed.gxi, seed.cookies.initiator)
    responder = auth.End(seed.gxr, seed.cookies.responder)
    identities = each.identity("initiator"), each.identity("responder")
    assert identities[0] is not None
    assert identities[1] is not None
    assert auth.phase1_hash(keys, initiator, responder, sa_body, identities[0]) == each.key("hash_i")
    assert auth.phase1_hash(keys, responder, initiator, sa_body, identities[1]) == each.key("hash_r")


@pytest.mark.parametrize("name", KEYED)
def test_every_encrypted_message_is_decrypted_and_encrypted_again_to_the_same_octets(name: str) -> None:
    each, keys = recording(name), keys_of(recording(name))
    encrypted = [message for message in each.messages() if message.document["encrypted"]]
    assert encrypted
    cipher = keys.cipher()
    for message in encrypted:
        header = Header.decode(message.datagram)
        plaintext = cipher.decrypt(message.iv, message.datagram[HEADER_OCTETS:])
        assert plaintext == message.plaintext
        payloads = decode_payloads(header.first_payload, plaintext, is_padded=True)
        assert header.encode(cipher.encrypt(message.iv, padded(encode_payloads(payloads)))) == message.datagram


@pytest.mark.parametrize("name", KEYED)
def test_the_vector_of_each_later_exchange_follows_from_the_last_block_of_phase_1(name: str) -> None:
    each, keys = recording(name), keys_of(recording(name))
    last_block = each.phase1()[-1].datagram[-8:]
    assert last_block == each.key("iv_after_phase1")
    begun: set[int] = set()
    for message in each.messages()[len(each.phase1()) :]:
        message_id = Header.decode(message.datagram).message_id
        if message_id not in begun:
            assert keys.exchange_iv(last_block, message_id) == message.iv
        begun.add(message_id)


@pytest.mark.parametrize("name", [name for name in KEYED if name.startswith(("delete", "dpd", "refused"))])
def test_hash_1_of_every_informational_message_is_the_recorded_one(name: str) -> None:
    each, keys = recording(name), keys_of(recording(name))
    informational = [message for message in each.messages() if message.exchange == "informational"]
    assert informational
    for message in informational:
        header = Header.decode(message.datagram)
        proof, *rest = decode_payloads(header.first_payload, message.plaintext, is_padded=True)
        assert auth.hash_1(keys, header.message_id, encode_payloads(tuple(rest))) == proof.encode()


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_our_engine_sends_the_recorded_phase_1_in_the_place_of_either_end(name: str, side: Side) -> None:
    each = recording(name)
    entropy = each.entropy(side)
    stand = Stand(each, side, entropy)
    sa = stand.play()
    assert sa.is_matured
    assert sa.proposal is not None
    assert sa.proposal.lifetime_seconds == each.accepted().lifetime_seconds
    assert entropy.left == 0
    assert sum(stand.engine.statistics.dropped.values()) == 0


@pytest.mark.parametrize("side", ["initiator", "responder"])
@pytest.mark.parametrize("name", [name for name in MAIN if name.startswith("natt")])
def test_a_translator_is_found_and_the_exchange_floats_to_its_ports(name: str, side: Side) -> None:
    each = recording(name)
    sa = Stand(each, side, each.entropy(side)).play()
    last = each.phase1(side)[-1]
    assert sa.nat.is_detected
    ours, theirs = (last.destination, last.source) if side == "initiator" else (last.source, last.destination)
    assert (sa.local, sa.remote) == (ours, theirs)


@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_without_a_translator_the_ports_stay(side: Side) -> None:
    each = recording("main_3des-md5-g2_esp-3des-md5")
    sa = Stand(each, side, each.entropy(side)).play()
    assert not sa.nat.is_detected
    assert (sa.local.port, sa.remote.port) == (500, 500)


def test_our_delete_of_an_ike_sa_is_the_recorded_one() -> None:
    each = recording("delete_isakmp-sa_des-md5-g1")
    recorded = each.messages()[-1]
    message_id = Header.decode(recorded.datagram).message_id
    stand = Stand(each, "initiator", each.entropy("initiator", message_ids=[message_id.to_bytes(4)]))
    stand.play().send_delete()
    (sent,) = stand.sent
    assert sent.payload == recorded.datagram


def test_the_recorded_delete_removes_the_responders_ike_sa() -> None:
    each = recording("delete_isakmp-sa_des-md5-g1")
    stand = Stand(each, "responder", each.entropy("responder"))
    stand.play()
    recorded = each.messages("responder")[-1]
    stand.engine.receive(recorded.source, recorded.destination, recorded.datagram)
    assert not stand.engine.sas
    # A delete is not answered, and least of all by another delete.
    assert stand.sent == []


def refused() -> tuple[Recording, bytes, MessageId]:
    each = recording("refused_phase1_no-proposal-chosen")
    notify = each.messages()[1].datagram
    return each, notify, Header.decode(notify).message_id


def test_our_responder_refuses_an_offer_with_the_recorded_notify() -> None:
    each, notify, message_id = refused()
    entropy = RecordedEntropy({"message-id": [message_id.to_bytes(4)]})
    stand = Stand(each, "responder", entropy)
    other = recording("main_des-md5-g1_esp-des-md5_pfs-g1").proposals()
    first = each.messages("responder")[0]
    stand.policies.by_address[first.source.address] = replace(each.policy("responder"), proposals=other)
    stand.engine.receive(first.source, first.destination, first.datagram)
    (answer,) = stand.sent
    assert answer.payload == notify
    assert [reason for _, reason in stand.policies.failed] == [FailureReason.NO_PROPOSAL_CHOSEN]


def test_the_recorded_notify_ends_our_initiators_negotiation() -> None:
    each, _, _ = refused()
    stand = Stand(each, "initiator", RecordedEntropy({}))
    messages = each.messages()
    stand.engine.initiate(messages[0].source, stand.policy)
    assert stand.sent.pop(0).payload == messages[0].datagram
    stand.engine.receive(messages[1].source, messages[1].destination, messages[1].datagram)
    ((sa, reason),) = stand.policies.failed
    assert reason is FailureReason.NO_PROPOSAL_CHOSEN
    assert sa.responder_cookie == Cookie(bytes(8))
    # A negotiation that is over is not retransmitted, and a refusal is not answered.
    stand.world.advance(10 * SECOND)
    assert stand.sent == []
