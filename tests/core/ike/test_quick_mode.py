"""Quick mode between two engines of ours, step by step.

Alice                                     Bob
HDR*, HASH(1), SA, Ni [, KE], IDci, IDcr  -->                                           message 1
                                          <--  HDR*, HASH(2), SA, Nr [, KE], IDci, IDcr message 2
HDR*, HASH(3)                             -->                                           message 3
"""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from agent.core.config import (
    NAT_TRAVERSAL_VENDOR_ID,
    DhGroup,
    EncryptionAlgorithm,
    HashAlgorithm,
    IkeSettings,
    IpsecAuthentication,
    IpsecProposal,
    SaMode,
    TrafficIdentity,
)
from agent.core.events import DropReason, FailureReason
from agent.core.ike.agreement import Agreement, Request
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.message import COMMIT_FLAG
from agent.core.ike.phase1 import Role
from tests.support.gateways import (
    AH,
    ALICES_NET,
    BOB,
    BOBS_NET,
    BUNDLE,
    ESP,
    PROPOSAL,
    Gateway,
    Pair,
    policy,
    terms,
)

NULL = replace(ESP, name="null", encryption_algorithm=None)
BARE = replace(ESP, name="bare", authentication_algorithm=None)
DES_SHA1 = replace(
    ESP,
    name="des-sha1",
    encryption_algorithm=EncryptionAlgorithm.DES_CBC,
    authentication_algorithm=IpsecAuthentication.HMAC_SHA1_96,
)


def agreed(pair: Pair) -> tuple[Agreement, Agreement]:
    """Return what Alice and Bob agreed on last."""
    return pair.alice.policies.agreed[-1], pair.bob.policies.agreed[-1]


def failures(gateway: Gateway) -> list[FailureReason]:
    return [reason for _, reason in gateway.policies.failed_phase2]


def test_three_messages_end_in_one_agreement() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.set_terms()
    before = len(pair.alice.sent), len(pair.bob.sent)
    # --> message 1
    negotiation = pair.negotiate(alices)
    assert negotiation.role is Role.INITIATOR
    pair.run(seconds=0.006)
    # <-- message 2
    (opposite,) = bobs.negotiations.values()
    assert opposite.role is Role.RESPONDER
    assert opposite.message_id == negotiation.message_id
    assert pair.bob.policies.agreed == []
    pair.run(seconds=0.005)
    # --> message 3: Alice is done when she sends it, Bob when he has it
    assert len(pair.alice.policies.agreed) == 1
    assert pair.bob.policies.agreed == []
    pair.run(seconds=1)
    assert len(pair.bob.policies.agreed) == 1
    assert pair.alice.trace[before[0] :] == ["quick_mode*", "quick_mode*"]
    assert pair.bob.trace[before[1] :] == ["quick_mode*"]
    assert pair.alice.drops == pair.bob.drops == {}


def test_the_spis_and_keys_of_one_end_are_those_of_the_other_turned_round() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms()
    pair.negotiate(alices)
    pair.run(seconds=1)
    ours, theirs = agreed(pair)
    assert ours.inbound == theirs.outbound
    assert ours.outbound == theirs.inbound
    assert ours.inbound != ours.outbound
    assert ours.inbound.esp is not None
    assert ours.outbound.esp is not None
    assert (ours.inbound.esp.spi, ours.outbound.esp.spi) == (1000, 2000)
    assert ours.inbound.ah is None


@pytest.mark.parametrize(
    ("proposal", "esp", "ah"),
    [
        (ESP, (24, 16), None),
        (NULL, (0, 16), None),
        (BARE, (24, 0), None),
        (DES_SHA1, (8, 20), None),
        (AH, None, (0, 16)),
        (replace(AH, authentication_algorithm=IpsecAuthentication.HMAC_SHA1_96), None, (0, 20)),
        (BUNDLE, (24, 0), (0, 16)),
    ],
)
@pytest.mark.parametrize("group", [None, *DhGroup])
def test_every_way_of_protection_has_keys_of_its_lengths(
    proposal: IpsecProposal, esp: tuple[int, int] | None, ah: tuple[int, int] | None, group: DhGroup | None
) -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms(proposal, group=group)
    pair.negotiate(alices)
    pair.run(seconds=1)
    ours, theirs = agreed(pair)
    assert ours.inbound == theirs.outbound
    assert ours.outbound == theirs.inbound
    assert ours.proposal == theirs.proposal == proposal
    for found, expected in ((ours.inbound.esp, esp), (ours.inbound.ah, ah)):
        lengths = (len(found.encryption), len(found.authentication)) if found is not None else None
        assert lengths == expected


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("encryption_algorithm", list(EncryptionAlgorithm))
def test_it_comes_to_its_end_under_every_ike_sa(
    hash_algorithm: HashAlgorithm, encryption_algorithm: EncryptionAlgorithm
) -> None:
    pair = Pair()
    proposal = replace(PROPOSAL, authentication_algorithm=hash_algorithm, encryption_algorithm=encryption_algorithm)
    for gateway in (pair.alice, pair.bob):
        for address, each in gateway.policies.by_address.items():
            gateway.policies.by_address[address] = replace(each, proposals=(proposal,))
    alices, _ = pair.establish()
    pair.set_terms()
    pair.negotiate(alices)
    pair.run(seconds=1)
    assert len(pair.alice.policies.agreed) == len(pair.bob.policies.agreed) == 1


def test_a_bundle_has_an_spi_for_each_protocol() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms(BUNDLE)
    pair.negotiate(alices)
    pair.run(seconds=1)
    ours, _ = agreed(pair)
    assert ours.inbound.ah is not None
    assert ours.inbound.esp is not None
    assert {ours.inbound.ah.spi, ours.inbound.esp.spi} == {1000, 1001}


def test_two_quick_modes_under_one_ike_sa_have_nothing_in_common() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms()
    first = pair.negotiate(alices)
    second = pair.negotiate(alices)
    pair.run(seconds=1)
    assert first.message_id != second.message_id
    keys = [each.inbound.esp for each in pair.alice.policies.agreed]
    assert keys[0] is not None
    assert keys[1] is not None
    assert keys[0].encryption != keys[1].encryption
    assert keys[0].spi != keys[1].spi
    assert alices.ipsec_sas_created == 4


def test_the_responder_takes_the_first_of_the_initiators_proposals_that_it_allows() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.alice.policies.terms = [terms(ALICES_NET, BOBS_NET, BUNDLE, AH, DES_SHA1, ESP)]
    pair.bob.policies.terms = [terms(BOBS_NET, ALICES_NET, ESP, DES_SHA1)]
    pair.negotiate(alices)
    pair.run(seconds=1)
    ours, theirs = agreed(pair)
    assert ours.proposal == theirs.proposal == DES_SHA1
    assert ours.inbound == theirs.outbound


@pytest.mark.parametrize(
    ("alices", "bobs", "expected"),
    [
        ((3600, None), (28800, None), (3600, None)),
        ((3600, 10), (1800, 90), (1800, 10)),
        ((600, None), (600, 5), (600, 5)),
    ],
)
def test_both_ends_keep_to_the_shorter_lifetimes(
    alices: tuple[int, int | None], bobs: tuple[int, int | None], expected: tuple[int, int | None]
) -> None:
    pair = Pair()
    ike_sa, _ = pair.establish()

    def lasting(limits: tuple[int, int | None]) -> IpsecProposal:
        return replace(ESP, lifetime_seconds=limits[0], lifetime_kilobytes=limits[1])

    pair.alice.policies.terms = [terms(ALICES_NET, BOBS_NET, lasting(alices))]
    pair.bob.policies.terms = [terms(BOBS_NET, ALICES_NET, lasting(bobs))]
    pair.negotiate(ike_sa)
    pair.run(seconds=1)
    ours, theirs = agreed(pair)
    # Where the responder's are shorter, its message 2 says so: the initiator could not know.
    assert (ours.proposal.lifetime_seconds, ours.proposal.lifetime_kilobytes) == expected
    assert (theirs.proposal.lifetime_seconds, theirs.proposal.lifetime_kilobytes) == expected


@pytest.mark.parametrize(
    ("changed", "group", "mode"),
    [(AH, None, SaMode.TUNNEL), (ESP, DhGroup.GROUP1, SaMode.TUNNEL), (ESP, None, SaMode.TRANSPORT)],
)
def test_terms_that_have_nothing_in_common_are_refused_at_both_ends(
    changed: IpsecProposal, group: DhGroup | None, mode: SaMode
) -> None:
    for turned in (False, True):
        pair = Pair()
        alices, _ = pair.establish()
        pair.set_terms()
        other, own = pair.bob.policies, pair.alice.policies
        if turned:
            own.terms = [terms(ALICES_NET, BOBS_NET, changed, group=group, mode=mode)]
        else:
            other.terms = [terms(BOBS_NET, ALICES_NET, changed, group=group, mode=mode)]
        pair.negotiate(alices)
        pair.run(seconds=1)
        assert failures(pair.alice) == failures(pair.bob) == [FailureReason.NO_PROPOSAL_CHOSEN]
        assert pair.alice.policies.agreed == pair.bob.policies.agreed == []
        assert alices.is_matured


def test_traffic_that_nobody_configured_is_refused_at_both_ends() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms()
    stranger = TrafficIdentity(ip_network("10.3.0.0/16"))
    alices.negotiate(terms(stranger, BOBS_NET))
    pair.run(seconds=1)
    assert pair.bob.policies.requests == [Request(BOBS_NET, stranger)]
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.INVALID_IDENTITY]
    assert pair.bob.trace[-1] == "informational*"


def test_a_protocol_and_a_port_are_part_of_the_traffic() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    web = replace(ALICES_NET, protocol=6, port=80)
    pair.set_terms()
    negotiation = alices.negotiate(terms(web, BOBS_NET))
    pair.run(seconds=1)
    assert negotiation.local_identity == "ipv4_subnet(tcp:80,[0..7]=10.1.0.0/16)"
    assert negotiation.remote_identity == "ipv4_subnet(any:0,[0..7]=10.2.0.0/16)"
    assert failures(pair.alice) == [FailureReason.INVALID_IDENTITY]
    pair.bob.policies.terms = [terms(BOBS_NET, web)]
    alices.negotiate(terms(web, BOBS_NET))
    pair.run(seconds=1)
    assert len(pair.bob.policies.agreed) == 1


def test_ipv6_traffic_is_negotiated_over_ipv4() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    local, remote = (TrafficIdentity(ip_network(f"2001:db8:{number}::/48")) for number in (1, 2))
    pair.bob.policies.terms = [terms(remote, local)]
    negotiation = alices.negotiate(terms(local, remote))
    pair.run(seconds=1)
    assert negotiation.local_identity == "ipv6_subnet(any:0,[0..31]=2001:db8:1::/48)"
    assert len(pair.bob.policies.agreed) == 1


def test_flags_follow_the_negotiation_at_both_ends() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.set_terms()
    pair.bob.policies.is_pending = True
    negotiation = pair.negotiate(alices)
    pair.run(seconds=0.5)
    (opposite,) = bobs.negotiations.values()
    assert negotiation.flags == ()
    assert opposite.flags == (IkeSaFlag.WAITING_FOR_POLICY_MANAGER,)
    pair.bob.policies.waiting.pop()()
    assert opposite.flags == ()
    pair.run(seconds=1)
    done = (IkeSaFlag.CALLER_NOTIFICATION_SENT, IkeSaFlag.WAITING_FOR_DONE)
    assert negotiation.flags == opposite.flags == done
    assert list(alices.negotiations.values()) == [negotiation]
    pair.run(seconds=31)
    assert not alices.negotiations
    assert not bobs.negotiations
    assert pair.alice.policies.over == [negotiation]
    assert pair.bob.policies.over == [opposite]


def test_a_refused_negotiation_waits_for_its_removal() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.set_terms()
    pair.bob.policies.terms = []
    negotiation = pair.negotiate(alices)
    pair.run(seconds=1)
    failed = (IkeSaFlag.CALLER_NOTIFICATION_SENT, IkeSaFlag.WAITING_FOR_REMOVE)
    assert negotiation.flags == failed
    assert [each.flags for each in bobs.negotiations.values()] == [failed]
    pair.run(seconds=31)
    assert not alices.negotiations
    assert not bobs.negotiations


def test_the_pairs_made_under_an_ike_sa_are_counted_at_both_ends() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.set_terms()
    pair.negotiate(alices)
    assert alices.ipsec_sas_created == 0
    pair.run(seconds=1)
    assert alices.ipsec_sas_created == bobs.ipsec_sas_created == 2
    assert alices.ipsec_sas_deleted == 0


def test_either_end_of_the_ike_sa_may_begin() -> None:
    pair = Pair()
    _, bobs = pair.establish()
    pair.set_terms()
    negotiation = bobs.negotiate(pair.bob.policies.terms[0])
    pair.run(seconds=1)
    assert negotiation.role is Role.INITIATOR
    assert bobs.role is Role.RESPONDER
    ours, theirs = agreed(pair)
    assert ours.inbound == theirs.outbound


def test_a_commit_bit_is_tolerated() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms()
    # --> message 1, and by hand <-- message 2 and --> message 3 with the bit
    pair.network.detach(BOB)
    pair.negotiate(alices)
    for sender, receiver in ((pair.alice, pair.bob), (pair.bob, pair.alice), (pair.alice, pair.bob)):
        each = sender.sent[-1]
        octets = bytearray(each.payload)
        octets[19] |= COMMIT_FLAG
        receiver.engine.receive(each.source, each.destination, bytes(octets))
    assert len(pair.alice.policies.agreed) == len(pair.bob.policies.agreed) == 1
    assert pair.alice.drops == pair.bob.drops == {}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_message_with_another_hash_is_dropped_and_the_right_one_is_taken_after_it(number: int) -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    pair.set_terms()
    pair.network.detach(BOB)
    pair.negotiate(alices)
    turns = [(pair.alice, pair.bob), (pair.bob, pair.alice), (pair.alice, pair.bob)]
    for index, (sender, receiver) in enumerate(turns):
        each = sender.sent[-1]
        if index == number:
            # An octet of the hash, which begins behind its generic header of four.
            octets = bytearray(each.payload)
            octets[28 + 12] ^= 1
            receiver.engine.receive(each.source, each.destination, bytes(octets))
            assert sum(receiver.drops.values()) == 1
            assert set(receiver.drops) <= {DropReason.AUTHENTICATION_FAILED, DropReason.DECRYPTION_FAILED}
            assert index > 0 or not bobs.negotiations
        receiver.engine.receive(each.source, each.destination, each.payload)
    assert len(pair.alice.policies.agreed) == len(pair.bob.policies.agreed) == 1


def test_quick_mode_before_the_ike_sa_is_established_is_unexpected() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.set_terms()
    pair.network.detach(BOB)
    pair.negotiate(alices)
    other = Pair()
    other.initiate()
    other.run(seconds=0.011)
    quick = bytearray(pair.alice.sent[-1].payload)
    (half_open,) = other.bob.sas
    quick[:16] = half_open.cookies.spi
    other.bob.engine.receive(alices.local, alices.remote, bytes(quick))
    assert other.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 1}


def test_across_a_translator_the_traffic_is_encapsulated_in_udp() -> None:
    natt = IkeSettings(vendor_ids=(NAT_TRAVERSAL_VENDOR_ID,))
    pair = Pair(alice=replace(natt, force_nat_detection=True), bob=natt)
    pair.alice.policies.by_address[BOB] = policy(BOB)
    alices, bobs = pair.establish()
    assert alices.nat.is_detected
    assert bobs.nat.is_detected
    pair.set_terms()
    negotiation = pair.negotiate(alices)
    pair.run(seconds=1)
    ours, theirs = agreed(pair)
    assert ours.inbound == theirs.outbound
    assert (negotiation.local.port, negotiation.remote.port) == (4500, 4500)
