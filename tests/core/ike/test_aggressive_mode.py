"""Aggressive mode between two engines of ours, step by step.

Alice                                    Bob
HDR, SA, KE, Ni, IDii               -->                                               message 1
                                    <--  HDR, SA, KE, Nr, IDir [, NAT-D, ..], HASH_R  message 2
HDR*, HASH_I [, NAT-D, ..] [, N]    -->                                               message 3
"""

from dataclasses import replace

import pytest

from agent.core.config import (
    NAT_TRAVERSAL_VENDOR_ID,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeProposal,
    IkeSettings,
)
from agent.core.events import DeletionReason, DropReason, FailureReason, IkeNegotiationFailed
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.message import ENCRYPTION_FLAG, PHASE_1, ZERO_COOKIE, Header, Message
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import (
    Hash,
    Identification,
    KeyExchange,
    NatD,
    Nonce,
    Notification,
    Payload,
    VendorId,
    decode_payloads,
    encode_payloads,
)
from agent.core.ike.security_association import SecurityAssociation
from agent.core.link import LinkProfile
from tests.support.gateways import ALICE, BOB, OTHER_PROPOSAL, PROPOSAL, Gateway, Pair, policy, relay
from tests.support.stand import Stand
from tests.support.vectors import recording

AGGRESSIVE = ExchangeMode.AGGRESSIVE
PARTITION = LinkProfile(is_partitioned=True)
NATT = IkeSettings(vendor_ids=(NAT_TRAVERSAL_VENDOR_ID,))
SILENT = IkeSettings(vendor_ids=())


def aggressive_pair(
    *, alice: IkeSettings = SILENT, bob: IkeSettings = SILENT, proposals: tuple[IkeProposal, ...] = (PROPOSAL,)
) -> Pair:
    """Return two gateways whose policies ask for aggressive mode."""
    pair = Pair(alice=alice, bob=bob)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=AGGRESSIVE, proposals=proposals)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=AGGRESSIVE)
    return pair


def set_policy(gateway: Gateway, **changes: object) -> None:
    """Change a gateway's only policy."""
    ((address, old),) = gateway.policies.by_address.items()
    gateway.policies.by_address[address] = replace(old, **changes)  # type: ignore[arg-type]


def failures(gateway: Gateway) -> list[FailureReason]:
    return [event.reason for event in gateway.events if isinstance(event, IkeNegotiationFailed)]


def clear(gateway: Gateway, number: int) -> Message:
    return Message.decode(gateway.sent[number].payload)


def test_three_messages_end_in_one_ike_sa_at_each_end() -> None:
    pair = aggressive_pair()
    # --> message 1
    alices = pair.initiate()
    assert alices.exchange_type is AGGRESSIVE
    pair.run(seconds=0.006)
    # <-- message 2
    (bobs,) = pair.bob.sas
    assert bobs.exchange_type is AGGRESSIVE
    assert pair.bob.trace == ["aggressive"]
    assert not bobs.is_matured
    pair.run(seconds=0.005)
    # --> message 3: Alice is done when she sends it, Bob when he has it
    assert alices.is_matured
    assert pair.alice.trace == ["aggressive", "aggressive*"]
    assert not pair.bob.matured
    pair.run(seconds=1)
    assert pair.bob.matured == [bobs]
    assert alices.cookies == bobs.cookies
    assert alices.proposal == bobs.proposal == PROPOSAL
    assert len(pair.alice.sent) + len(pair.bob.sent) == 3
    assert pair.alice.drops == pair.bob.drops == {}


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("encryption_algorithm", list(EncryptionAlgorithm))
@pytest.mark.parametrize("group", list(DhGroup))
def test_every_set_of_algorithms_comes_to_an_end(
    hash_algorithm: HashAlgorithm, encryption_algorithm: EncryptionAlgorithm, group: DhGroup
) -> None:
    proposal = replace(
        PROPOSAL,
        authentication_algorithm=hash_algorithm,
        encryption_algorithm=encryption_algorithm,
        dh_group=group,
    )
    pair = aggressive_pair(proposals=(proposal,))
    set_policy(pair.bob, proposals=(proposal,))
    alices, bobs = pair.establish()
    assert alices.proposal == bobs.proposal == proposal


def test_quick_mode_follows_on_it() -> None:
    pair = aggressive_pair()
    alices, _ = pair.establish()
    pair.set_terms()
    pair.negotiate(alices)
    pair.run(seconds=1)
    (ours,), (theirs,) = pair.alice.policies.agreed, pair.bob.policies.agreed
    assert ours.inbound == theirs.outbound


def test_the_payloads_are_in_the_order_of_the_standard_and_in_the_clear() -> None:
    pair = aggressive_pair()
    pair.establish()
    kinds = [[type(each) for each in clear(gateway, 0).payloads] for gateway in (pair.alice, pair.bob)]
    first = [SecurityAssociation, KeyExchange, Nonce, Identification]
    assert kinds == [first, [*first, Hash]]


def test_only_proposals_of_the_first_ones_group_are_offered() -> None:
    group2 = replace(PROPOSAL, dh_group=DhGroup.GROUP2)
    pair = aggressive_pair(proposals=(OTHER_PROPOSAL, group2, PROPOSAL))
    alices, bobs = pair.establish()
    (offered,) = clear(pair.alice, 0).find(SecurityAssociation)
    assert len(offered.proposals[0].transforms) == 2
    assert alices.proposal == bobs.proposal == PROPOSAL


def test_a_public_value_of_another_group_than_the_chosen_transforms_is_refused() -> None:
    pair = aggressive_pair()
    set_policy(pair.alice, proposals=(replace(PROPOSAL, dh_group=DhGroup.GROUP2),))
    pair.set_link(PARTITION)
    pair.initiate()
    message = clear(pair.alice, 0)
    other = offer_of_group_1()
    forged = message._replace(payloads=(other, *message.payloads[1:]))
    pair.bob.engine.receive(pair.alice.sent[0].source, pair.alice.sent[0].destination, forged.encode())
    assert failures(pair.bob) == [FailureReason.INVALID_KEY]
    assert pair.bob.drops == {DropReason.INVALID_KEY: 1}
    assert pair.bob.matured == []


def offer_of_group_1() -> SecurityAssociation:
    other = aggressive_pair()
    other.initiate()
    return clear(other.alice, 0).only(SecurityAssociation)


def test_a_responder_waits_for_its_policy_manager_and_says_so() -> None:
    pair = aggressive_pair()
    pair.bob.policies.is_pending = True
    alices = pair.initiate()
    pair.run(seconds=0.5)
    (bobs,) = pair.bob.sas
    assert bobs.flags == (IkeSaFlag.WAITING_FOR_POLICY_MANAGER,)
    assert pair.bob.sent == []
    (answer,) = pair.bob.policies.waiting
    answer()
    pair.run(seconds=0.1)
    assert alices.is_matured
    assert bobs.is_matured


def test_a_refusal_that_comes_late_is_counted_too() -> None:
    pair = aggressive_pair()
    pair.bob.policies.is_pending = True
    set_policy(pair.bob, mode=ExchangeMode.MAIN)
    pair.initiate()
    pair.run(seconds=0.5)
    (answer,) = pair.bob.policies.waiting
    answer()
    assert pair.bob.drops == {DropReason.UNSUPPORTED_EXCHANGE: 1}
    pair.run(seconds=0.1)
    assert failures(pair.alice) == [FailureReason.NO_PROPOSAL_CHOSEN]


# Refusals


def test_an_offer_that_is_not_allowed_is_refused_at_both_ends() -> None:
    pair = aggressive_pair(proposals=(OTHER_PROPOSAL,))
    # --> message 1   <-- HDR, N(NO-PROPOSAL-CHOSEN)
    pair.initiate()
    pair.run(seconds=1)
    assert pair.bob.trace == ["informational"]
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.NO_PROPOSAL_CHOSEN]
    assert pair.alice.matured == pair.bob.matured == []


def test_another_pre_shared_key_fails_clearly_at_both_ends() -> None:
    pair = aggressive_pair()
    set_policy(pair.bob, pre_shared_key=b"another secret")
    # ... <-- message 2   --> HDR, N(AUTHENTICATION-FAILED)
    pair.initiate()
    pair.run(seconds=1)
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.AUTHENTICATION_FAILED]
    assert pair.alice.drops == {DropReason.AUTHENTICATION_FAILED: 1}
    assert pair.alice.trace == ["aggressive", "informational"]
    assert pair.alice.matured == pair.bob.matured == []


def test_an_identity_that_the_responder_does_not_take_leaves_no_ike_sa_at_the_initiator() -> None:
    pair = aggressive_pair()
    set_policy(pair.alice, local_identity=Identification(2, 0, 0, b"mallory.example.org").encode())
    set_policy(pair.bob, remote_identity=b"\2\0\0\0alice.example.org")
    # ... --> message 3   <-- HDR*, HASH(1), D
    pair.initiate()
    pair.run(seconds=1)
    assert failures(pair.bob) == [FailureReason.INVALID_IDENTITY]
    assert pair.bob.trace == ["aggressive", "informational*"]
    assert [reason for _, reason in pair.alice.policies.deleted] == [DeletionReason.PEER_DELETED]
    assert pair.alice.matured == pair.bob.matured == []


def test_an_identity_that_the_initiator_does_not_take_is_refused_at_both_ends() -> None:
    pair = aggressive_pair()
    set_policy(pair.bob, local_identity=Identification(2, 0, 0, b"mallory.example.org").encode())
    set_policy(pair.alice, remote_identity=b"\2\0\0\0bob.example.org")
    pair.initiate()
    pair.run(seconds=1)
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.INVALID_IDENTITY]


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_peer_that_begins_with_the_other_mode_is_refused_and_counted(mode: ExchangeMode) -> None:
    pair = aggressive_pair()
    set_policy(pair.alice, mode=mode)
    set_policy(pair.bob, mode=next(each for each in ExchangeMode if each is not mode))
    # --> message 1   <-- HDR, N(INVALID-EXCHANGE-TYPE)
    pair.initiate()
    pair.run(seconds=1)
    (refusal,) = clear(pair.bob, 0).payloads
    assert isinstance(refusal, Notification)
    assert refusal.notify == NotifyType.INVALID_EXCHANGE_TYPE
    assert pair.bob.drops == {DropReason.UNSUPPORTED_EXCHANGE: 1}
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.NO_PROPOSAL_CHOSEN]
    assert pair.alice.matured == pair.bob.matured == []


def test_main_mode_with_the_cookies_of_an_aggressive_one_is_unexpected() -> None:
    pair = aggressive_pair()
    pair.initiate()
    pair.run(seconds=0.006)
    first = clear(pair.alice, 0)
    datagram = first._replace(header=first.header._replace(exchange_type=2)).encode()
    pair.bob.engine.receive(pair.alice.sent[0].source, pair.alice.sent[0].destination, datagram)
    assert pair.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 1}
    pair.run(seconds=1)
    assert len(pair.bob.matured) == 1


@pytest.mark.parametrize("missing", [KeyExchange, Nonce, Identification])
def test_a_message_1_that_lacks_a_payload_begins_nothing(missing: type[Payload]) -> None:
    pair = aggressive_pair()
    pair.set_link(PARTITION)
    pair.initiate()
    message = clear(pair.alice, 0)
    rest = tuple(each for each in message.payloads if not isinstance(each, missing))
    sent = pair.alice.sent[0]
    pair.bob.engine.receive(sent.source, sent.destination, message._replace(payloads=rest).encode())
    assert pair.bob.drops == {DropReason.MALFORMED_MESSAGE: 1}
    assert pair.bob.sas == []


@pytest.mark.parametrize("missing", [KeyExchange, Nonce, Identification, Hash])
def test_a_message_2_that_lacks_a_payload_is_dropped_and_the_true_one_still_taken(missing: type[Payload]) -> None:
    pair = aggressive_pair()
    alices = pair.initiate()
    pair.run(seconds=0.006)
    message = clear(pair.bob, 0)
    rest = tuple(each for each in message.payloads if not isinstance(each, missing))
    sent = pair.bob.sent[0]
    pair.alice.engine.receive(sent.source, sent.destination, message._replace(payloads=rest).encode())
    assert pair.alice.drops == {DropReason.MALFORMED_MESSAGE: 1}
    pair.run(seconds=1)
    assert alices.is_matured


def test_a_message_3_that_is_not_the_initiators_does_not_end_the_negotiation() -> None:
    pair = aggressive_pair()
    pair.initiate()
    pair.run(seconds=0.006)
    (bobs,) = pair.bob.sas
    header = Header(bobs.initiator_cookie, bobs.responder_cookie, 8, 4, ENCRYPTION_FLAG, PHASE_1)
    unencrypted = header._replace(flags=0)
    proof = encode_payloads((Hash(bytes(16)),))
    for datagram in (header.encode(bytes(40)), header.encode(bytes(39)), unencrypted.encode(proof)):
        pair.bob.engine.receive(bobs.remote, bobs.local, datagram)
    assert sum(pair.bob.drops.values()) == 3
    pair.run(seconds=1)
    assert pair.bob.matured == [bobs]


def test_message_3_may_come_in_the_clear() -> None:
    each = recording("aggressive_3des-md5-g2_esp-3des-md5")
    stand = Stand(each, "responder", each.entropy("responder"))
    first, _, third = each.phase1("responder")
    stand.engine.receive(first.source, first.destination, first.datagram)
    # The recorded message 3, taken out of its encryption: HDR, HASH_I, NAT-D, NAT-D
    header = Header.decode(third.datagram)
    payloads = decode_payloads(header.first_payload, third.plaintext, is_padded=True)
    bare = Message(header._replace(flags=0), payloads).encode()
    stand.engine.receive(third.source, third.destination, bare)
    (sa,) = stand.engine.sas.values()
    assert sa.is_matured
    assert sum(stand.engine.statistics.dropped.values()) == 0


# Loss and duplicates


def test_a_lost_message_2_is_asked_for_again() -> None:
    pair = aggressive_pair()
    alices = pair.initiate()
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=0.5)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=3)
    assert alices.is_matured
    assert len(pair.bob.matured) == 1
    assert len({each.payload for each in pair.bob.sent}) == 1


def test_a_lost_message_3_is_sent_again_when_message_2_comes_again() -> None:
    pair = aggressive_pair()
    alices = pair.initiate()
    pair.network.set_profile(ALICE, BOB, LinkProfile())
    pair.run(seconds=0.006)
    pair.network.set_profile(ALICE, BOB, PARTITION)
    pair.run(seconds=0.5)
    assert alices.is_matured
    assert pair.bob.matured == []
    pair.network.set_profile(ALICE, BOB, LinkProfile())
    pair.run(seconds=1)
    assert len(pair.bob.matured) == 1
    assert pair.alice.sent[-1].payload == pair.alice.sent[-2].payload
    assert pair.alice.drops == {}


def test_message_3_is_not_answered_so_that_two_ends_never_keep_each_other_busy() -> None:
    pair = aggressive_pair()
    pair.establish()
    sent = len(pair.bob.sent)
    relay(1, pair.alice, pair.bob)
    assert len(pair.bob.sent) == sent
    assert pair.bob.drops == {DropReason.REPLAYED_MESSAGE: 1}


def test_a_stranger_that_uses_the_address_of_a_peer_makes_us_send_no_more_than_three_times_its_octets() -> None:
    pair = aggressive_pair()
    pair.set_link(PARTITION)
    pair.initiate()
    first = pair.alice.sent[0]
    pair.bob.engine.receive(first.source, first.destination, first.payload)
    pair.run(seconds=120)
    assert sum(len(each.payload) for each in pair.bob.sent) <= 3 * len(first.payload)
    assert len(pair.bob.sent) > 1
    assert failures(pair.bob) == [FailureReason.TIMEOUT]
    assert pair.bob.sas == []


# NAT traversal and first contact


@pytest.mark.parametrize(
    ("alice", "bob"), [(True, False), (False, True), (True, True)], ids=["alice's", "bob's", "both"]
)
def test_a_forced_nat_floats_both_ends_with_message_3(alice: bool, bob: bool) -> None:
    pair = aggressive_pair(alice=replace(NATT, force_nat_detection=alice), bob=replace(NATT, force_nat_detection=bob))
    alices, bobs = pair.establish()
    for sa in (alices, bobs):
        assert sa.nat.is_detected
        assert (sa.local.port, sa.remote.port) == (4500, 4500)
    assert [each.destination.port for each in pair.alice.sent] == [500, 4500]
    assert [each.source.port for each in pair.bob.sent] == [500]
    assert alices.nat.is_local_behind_nat is alice
    assert alices.nat.is_remote_behind_nat is bob


def test_nat_d_is_in_messages_2_and_3_only_when_both_ends_know_nat_traversal() -> None:
    for alice, bob, expected in ((NATT, NATT, 2), (NATT, SILENT, 0), (SILENT, NATT, 0)):
        pair = aggressive_pair(alice=alice, bob=bob)
        alices, _ = pair.establish()
        assert len(clear(pair.bob, 0).find(NatD)) == expected
        assert not alices.nat.is_detected
        assert clear(pair.bob, 0).find(VendorId) == tuple(VendorId(each) for each in bob.vendor_ids)


def test_a_first_contact_is_said_in_message_3_and_removes_the_older_ike_sas() -> None:
    pair = aggressive_pair()
    _, old = pair.establish()
    pair.network.detach(ALICE)
    reborn = Gateway(pair.world, pair.network, ALICE, SILENT)
    reborn.policies.by_address[BOB] = policy(BOB, mode=AGGRESSIVE)
    reborn.initiate(BOB)
    pair.run(seconds=1)
    assert pair.bob.policies.deleted == [(old, DeletionReason.INITIAL_CONTACT)]
    assert len(pair.bob.matured) == 1


def test_a_message_2_without_a_cookie_is_unexpected() -> None:
    pair = aggressive_pair()
    alices = pair.initiate()
    pair.run(seconds=0.006)
    sent = pair.bob.sent[0]
    forged = sent.payload[:8] + ZERO_COOKIE + sent.payload[16:]
    pair.alice.engine.receive(sent.source, sent.destination, forged)
    assert pair.alice.drops == {DropReason.UNEXPECTED_MESSAGE: 1}
    assert alices.responder_cookie == ZERO_COOKIE
    pair.run(seconds=1)
    assert alices.is_matured
