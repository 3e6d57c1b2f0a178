"""Main mode between two engines of ours, step by step.

Alice                              Bob
HDR, SA                       -->              message 1
                              <--  HDR, SA     message 2
HDR, KE, Ni                   -->              message 3
                              <--  HDR, KE, Nr message 4
HDR*, IDii, HASH_I, N         -->              message 5
                              <--  HDR*, IDir, HASH_R
"""

from dataclasses import replace

import pytest

from agent.core.config import (
    DEAD_PEER_DETECTION_VENDOR_ID,
    NAT_TRAVERSAL_VENDOR_ID,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeProposal,
    IkeSettings,
)
from agent.core.events import DropReason, FailureReason, IkeNegotiationFailed, IkeSaEstablished
from agent.core.identifiers import Cookie
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import ZERO_COOKIE, Message
from agent.core.ike.payloads import Identification, KeyExchange, NatD, Notification, VendorId
from agent.core.ike.phase1 import Role
from agent.core.ike.sa import IkeSa
from tests.support.gateways import ALICE, BOB, OTHER_PROPOSAL, PROPOSAL, Gateway, Pair, policy

NATT = IkeSettings(vendor_ids=(NAT_TRAVERSAL_VENDOR_ID,))
SILENT = IkeSettings(vendor_ids=())
FORCED = replace(NATT, force_nat_detection=True)


def matured(sa: IkeSa) -> bool:
    return sa.is_matured


def flags(sa: IkeSa) -> tuple[IkeSaFlag, ...]:
    return sa.flags


def refusals(gateway: Gateway) -> list[FailureReason]:
    return [event.reason for event in gateway.events if isinstance(event, IkeNegotiationFailed)]


def test_six_messages_end_in_one_ike_sa_at_each_end() -> None:
    pair = Pair()
    # --> message 1
    alices = pair.initiate()
    assert not matured(alices)
    assert alices.responder_cookie == ZERO_COOKIE
    pair.run(seconds=0.006)
    # <-- message 2
    (bobs,) = pair.bob.sas
    assert bobs.initiator_cookie == alices.initiator_cookie
    assert pair.bob.trace == ["main"]
    pair.run(seconds=0.005)
    # --> message 3
    assert alices.responder_cookie == bobs.responder_cookie != ZERO_COOKIE
    assert alices.proposal == bobs.proposal == PROPOSAL
    pair.run(seconds=0.01)
    # <-- message 4, --> message 5
    assert pair.alice.trace == ["main", "main", "main*"]
    assert not matured(alices)
    assert not matured(bobs)
    assert pair.alice.events == pair.bob.events == []
    pair.run(seconds=0.004)
    # <-- message 6: Bob is done when he sends it, Alice when she has it
    assert matured(bobs)
    assert not matured(alices)
    pair.run(seconds=0.005)
    assert matured(alices)
    assert pair.bob.trace == ["main", "main", "main*"]
    assert pair.alice.sas == [alices]
    assert pair.bob.sas == [bobs]
    assert pair.alice.drops == pair.bob.drops == {}


def test_both_ends_publish_it_once_with_the_same_cookies() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.run(seconds=100)
    assert pair.alice.events == [
        IkeSaEstablished(30_000, alices.id, BOB, alices.initiator_cookie, alices.responder_cookie)
    ]
    assert pair.bob.events == [
        IkeSaEstablished(25_000, bobs.id, ALICE, alices.initiator_cookie, alices.responder_cookie)
    ]
    assert pair.alice.policies.established == [alices]
    assert pair.bob.policies.established == [bobs]


def test_each_end_knows_its_role_and_its_endpoints() -> None:
    alices, bobs = Pair().establish()
    assert (alices.role, bobs.role) == (Role.INITIATOR, Role.RESPONDER)
    assert (alices.local.address, alices.remote.address) == (ALICE, BOB)
    assert (bobs.local, bobs.remote) == (alices.remote, alices.local)
    assert alices.local.port == alices.remote.port == 500


def test_every_octet_and_packet_is_counted_at_both_ends() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    assert alices.statistics.output_packets == bobs.statistics.input_packets == 3
    assert alices.statistics.input_packets == bobs.statistics.output_packets == 3
    assert alices.statistics.output_bytes == sum(len(each.payload) for each in pair.alice.sent)
    assert bobs.statistics.output_bytes == alices.statistics.input_bytes


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("encryption_algorithm", list(EncryptionAlgorithm))
@pytest.mark.parametrize("group", list(DhGroup))
def test_every_set_of_algorithms_comes_to_an_end(
    hash_algorithm: HashAlgorithm, encryption_algorithm: EncryptionAlgorithm, group: DhGroup
) -> None:
    pair = Pair()
    proposal: IkeProposal = replace(
        PROPOSAL,
        authentication_algorithm=hash_algorithm,
        encryption_algorithm=encryption_algorithm,
        dh_group=group,
    )
    pair.alice.policies.by_address[BOB] = policy(BOB, proposals=(proposal,))
    pair.bob.policies.by_address[ALICE] = policy(ALICE, proposals=(proposal,))
    alices, bobs = pair.establish()
    assert alices.proposal == bobs.proposal == proposal


def test_the_first_offer_that_the_responder_allows_is_agreed() -> None:
    pair = Pair()
    pair.alice.policies.by_address[BOB] = policy(BOB, proposals=(OTHER_PROPOSAL, PROPOSAL))
    alices, bobs = pair.establish()
    assert alices.proposal == PROPOSAL
    assert bobs.proposal == PROPOSAL


def test_an_offer_that_is_not_allowed_is_refused_at_both_ends() -> None:
    pair = Pair()
    pair.alice.policies.by_address[BOB] = policy(BOB, proposals=(OTHER_PROPOSAL,))
    # --> HDR, SA   <-- HDR, N(NO-PROPOSAL-CHOSEN)
    pair.initiate()
    pair.run(seconds=1)
    assert pair.bob.trace == ["informational"]
    assert pair.alice.trace == ["main"]
    assert refusals(pair.alice) == refusals(pair.bob) == [FailureReason.NO_PROPOSAL_CHOSEN]
    assert pair.alice.matured == pair.bob.matured == []


def test_another_pre_shared_key_fails_clearly_at_both_ends() -> None:
    pair = Pair()
    pair.bob.policies.by_address[ALICE] = policy(ALICE, pre_shared_key=b"another secret")
    # ... --> HDR*, IDii, HASH_I   <-- HDR, N(AUTHENTICATION-FAILED)
    pair.initiate()
    pair.run(seconds=1)
    assert refusals(pair.alice) == refusals(pair.bob) == [FailureReason.AUTHENTICATION_FAILED]
    assert pair.bob.drops == {DropReason.DECRYPTION_FAILED: 1}
    assert pair.bob.trace == ["main", "main", "informational"]
    assert pair.alice.matured == pair.bob.matured == []


def test_an_identity_that_the_responder_does_not_take_is_refused_at_both_ends() -> None:
    pair = Pair()
    name = Identification(2, 0, 0, b"mallory.example.org").encode()
    pair.alice.policies.by_address[BOB] = policy(BOB, local_identity=name)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, remote_identity=b"\2\0\0\0alice.example.org")
    pair.initiate()
    pair.run(seconds=1)
    assert refusals(pair.alice) == refusals(pair.bob) == [FailureReason.INVALID_IDENTITY]
    assert pair.alice.matured == pair.bob.matured == []


def test_an_identity_that_the_initiator_does_not_take_leaves_no_ike_sa_behind_at_the_responder() -> None:
    pair = Pair()
    name = Identification(2, 0, 0, b"mallory.example.org").encode()
    pair.bob.policies.by_address[ALICE] = policy(ALICE, local_identity=name)
    pair.alice.policies.by_address[BOB] = policy(BOB, remote_identity=b"\2\0\0\0bob.example.org")
    # ... <-- HDR*, IDir, HASH_R   --> HDR*, HASH(1), D
    pair.initiate()
    pair.run(seconds=1)
    assert refusals(pair.alice) == [FailureReason.INVALID_IDENTITY]
    assert pair.alice.trace[-1] == "informational*"
    assert pair.bob.sas == []


@pytest.mark.parametrize("value", [bytes(96), (1).to_bytes(96), b"\xff" * 96, b"\5" * 95])
def test_a_public_value_that_no_honest_peer_sends_is_refused(value: bytes) -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.011)
    # Instead of message 3, one with a value that would fix the shared secret
    message = Message.decode(pair.alice.sent[-1].payload)
    changed = tuple(KeyExchange(value) if isinstance(each, KeyExchange) else each for each in message.payloads)
    forged = message._replace(payloads=changed).encode()
    pair.bob.engine.receive(alices.local, alices.remote, forged)
    assert refusals(pair.bob) == [FailureReason.INVALID_KEY]
    assert pair.bob.drops == {DropReason.INVALID_KEY: 1}
    pair.run(seconds=1)
    assert refusals(pair.alice) == [FailureReason.INVALID_KEY]


def test_message_5_says_initial_contact_only_when_there_is_no_other_ike_sa() -> None:
    pair = Pair()
    first, _ = pair.establish()
    second, _ = pair.establish()
    messages_5 = [each.payload for each in pair.alice.sent if each.label == "main*"]
    # HDR (28), ID (12), HASH (20) and in the first N (28), each padded to whole blocks
    assert [len(payload) for payload in messages_5] == [92, 68]
    assert matured(first)
    assert matured(second)


def test_initial_contact_removes_the_older_ike_sas_of_the_peer() -> None:
    pair = Pair()
    _, old = pair.establish()
    # Alice restarts: she has lost everything, and says so.
    pair.network.detach(ALICE)
    reborn = Gateway(pair.world, pair.network, ALICE, IkeSettings())
    reborn.policies.by_address[BOB] = policy(BOB)
    reborn.initiate(BOB)
    pair.run(seconds=1)
    (new,) = pair.bob.sas
    assert new is not old
    assert matured(new)
    assert [reason.value for _, reason in pair.bob.policies.deleted] == ["initial-contact"]
    assert len(reborn.matured) == 1


@pytest.mark.parametrize("mode", ExchangeMode)
def test_initial_contact_leaves_alone_what_the_peer_could_not_know_of_when_it_began(mode: ExchangeMode) -> None:
    pair = Pair()
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=mode)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=mode)
    pair.initiate()
    pair.bob.initiate(ALICE)
    pair.run(seconds=1)
    for gateway in (pair.alice, pair.bob):
        assert len(gateway.matured) == 2
        assert gateway.policies.deleted == []


def test_vendor_ids_are_announced_in_their_order_and_by_default_those_of_what_there_is() -> None:
    usual, loud = Pair(), Pair(alice=IkeSettings(vendor_ids=(b"one", b"two")))
    default = (VendorId(DEAD_PEER_DETECTION_VENDOR_ID), VendorId(NAT_TRAVERSAL_VENDOR_ID))
    for pair, expected in ((usual, default), (loud, (VendorId(b"one"), VendorId(b"two")))):
        pair.establish()
        assert Message.decode(pair.alice.sent[0].payload).find(VendorId) == expected
        assert Message.decode(pair.bob.sent[0].payload).find(VendorId) == default


def test_nat_d_is_exchanged_only_when_both_ends_know_nat_traversal() -> None:
    for alice, bob, expected in ((NATT, NATT, 2), (NATT, SILENT, 0), (SILENT, NATT, 0)):
        pair = Pair(alice=alice, bob=bob)
        alices, _ = pair.establish()
        third, fourth = pair.alice.sent[1].payload, pair.bob.sent[1].payload
        assert len(Message.decode(third).find(NatD)) == len(Message.decode(fourth).find(NatD)) == expected
        assert not alices.nat.is_detected
        assert alices.local.port == 500


@pytest.mark.parametrize(("alice", "bob"), [(FORCED, NATT), (NATT, FORCED), (FORCED, FORCED)])
def test_a_forced_nat_floats_both_ends_to_4500_from_message_5_on(alice: IkeSettings, bob: IkeSettings) -> None:
    pair = Pair(alice=alice, bob=bob)
    alices, bobs = pair.establish()
    for sa in (alices, bobs):
        assert sa.nat.is_detected
        assert (sa.local.port, sa.remote.port) == (4500, 4500)
    assert [each.destination.port for each in pair.alice.sent] == [500, 500, 4500]
    assert [each.source.port for each in pair.bob.sent] == [500, 500, 4500]
    assert alices.nat.is_local_behind_nat is alice.force_nat_detection
    assert alices.nat.is_remote_behind_nat is bob.force_nat_detection


def test_flags_tell_where_the_negotiation_stands() -> None:
    pair = Pair()
    alices = pair.initiate()
    assert flags(alices) == ()
    pair.run(seconds=1)
    assert flags(alices) == (IkeSaFlag.CALLER_NOTIFICATION_SENT, IkeSaFlag.WAITING_FOR_DONE)
    # 31 s: the peer's last retransmission has been answered or given up by then
    pair.run(seconds=31)
    assert flags(alices) == (IkeSaFlag.CALLER_NOTIFICATION_SENT,)
    assert matured(alices)


def test_a_responder_waits_for_its_policy_manager_and_says_so() -> None:
    pair = Pair()
    pair.bob.policies.is_pending = True
    alices = pair.initiate()
    pair.run(seconds=0.5)
    (bobs,) = pair.bob.sas
    assert flags(bobs) == (IkeSaFlag.WAITING_FOR_POLICY_MANAGER,)
    assert pair.bob.sent == []
    (answer,) = pair.bob.policies.waiting
    answer()
    assert flags(bobs) == ()
    pair.run(seconds=2)
    assert matured(alices)
    assert matured(bobs)


def test_a_decision_that_comes_after_the_negotiation_is_over_changes_nothing() -> None:
    pair = Pair()
    pair.bob.policies.is_pending = True
    pair.initiate()
    pair.run(seconds=120)
    assert pair.bob.sas == []
    for answer in pair.bob.policies.waiting:
        answer()
    assert pair.bob.sent == []


def test_the_same_seed_gives_the_same_datagrams_and_another_seed_others() -> None:
    def datagrams(seed: int) -> list[bytes]:
        pair = Pair(seed=seed)
        pair.establish()
        return [each.payload for each in (*pair.alice.sent, *pair.bob.sent)]

    assert datagrams(1) == datagrams(1)
    assert not set(datagrams(1)) & set(datagrams(2))


def test_a_notification_of_a_status_ends_nothing() -> None:
    pair = Pair()
    alices = pair.initiate()
    message = Message.decode(pair.alice.sent[0].payload)
    status = Notification(1, b"", 16384)
    header = message.header._replace(exchange_type=5, first_payload=11, responder_cookie=Cookie(b"someone!"))
    pair.alice.engine.receive(alices.remote, alices.local, Message(header, (status,)).encode())
    pair.run(seconds=1)
    assert matured(alices)


def test_an_encrypted_message_never_decodes_in_the_clear() -> None:
    pair = Pair()
    pair.establish()
    with pytest.raises(MalformedMessage):
        Message.decode(pair.alice.sent[2].payload)
