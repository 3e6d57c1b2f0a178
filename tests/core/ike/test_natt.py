"""Detection of a translator by the hashes of both ends, and what follows from it."""

import pytest

from agent.core.config import NAT_TRAVERSAL_VENDOR_ID, ExchangeMode, HashAlgorithm, IkeSettings, IpsecProposal, SaMode
from agent.core.events import DeletionReason, DropReason, FailureReason
from agent.core.identifiers import Cookie, Endpoint
from agent.core.ike.message import CookiePair
from agent.core.ike.natt import KEEPALIVE, Keepalive, NatDetection, Path, detect, nat_d, view
from agent.core.ike.payloads import Identification
from agent.core.ike.sa import IkeSa
from agent.core.link import LinkProfile
from agent.core.world import SECOND, World
from tests.support.gateways import AH, ALICE, BOB, BUNDLE, ESP, Gateway, Pair, policy

MD5 = HashAlgorithm.MD5
COOKIES = CookiePair(Cookie(b"initiato"), Cookie(b"responde"))
OURS, THEIRS = Endpoint(ALICE, 500), Endpoint(BOB, 500)
PATH = Path(OURS, THEIRS)
TRUE_OURS, TRUE_THEIRS = nat_d(MD5, COOKIES, OURS), nat_d(MD5, COOKIES, THEIRS)
FALSE = nat_d(MD5, COOKIES, Endpoint(ALICE, 501))


@pytest.mark.parametrize(
    ("received", "is_local", "is_remote"),
    [
        ((TRUE_OURS, TRUE_THEIRS), False, False),
        ((FALSE, TRUE_THEIRS), True, False),
        ((TRUE_OURS, FALSE), False, True),
        ((FALSE, FALSE), True, True),
        ((TRUE_OURS, FALSE, TRUE_THEIRS), False, False),  # a sender with several addresses
        ((TRUE_THEIRS, TRUE_OURS), True, True),  # the wrong way round: the first is of the receiver
        ((), False, False),
    ],
)
def test_each_end_is_judged_by_its_own_hash(received: tuple[object, ...], is_local: bool, is_remote: bool) -> None:
    found = detect(view(MD5, COOKIES, PATH), received)  # type: ignore[arg-type]
    assert found == NatDetection(is_local, is_remote)
    assert found.is_detected is (is_local or is_remote)


def test_a_hash_depends_on_address_port_and_cookies() -> None:
    other = CookiePair(Cookie(b"another!"), COOKIES.responder)
    hashes = {nat_d(MD5, COOKIES, OURS), FALSE, TRUE_THEIRS, nat_d(MD5, other, OURS)}
    assert len(hashes) == 4


# What follows from it: Alice is behind a translator, or says so


NATT = IkeSettings(vendor_ids=(NAT_TRAVERSAL_VENDOR_ID,))
BEHIND = IkeSettings(vendor_ids=(NAT_TRAVERSAL_VENDOR_ID,), force_nat_detection=True)


def translated_pair(*, mode: ExchangeMode = ExchangeMode.MAIN) -> tuple[Pair, IkeSa, IkeSa]:
    pair = Pair(alice=BEHIND, bob=NATT)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=mode)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=mode)
    alices, bobs = pair.establish()
    assert alices.nat == NatDetection(is_local_behind_nat=True)
    assert bobs.nat == NatDetection(is_remote_behind_nat=True)
    return pair, alices, bobs


def failures(gateway: Gateway) -> list[FailureReason]:
    return [reason for _, reason in gateway.policies.failed_phase2]


def keepalives(gateway: Gateway) -> int:
    return [each.payload for each in gateway.sent].count(KEEPALIVE)


def test_packets_go_within_udp_at_both_ends() -> None:
    pair, alices, _ = translated_pair()
    pair.set_terms()
    pair.negotiate(alices)
    pair.run(seconds=1)
    (ours,), (theirs,) = pair.alice.policies.agreed, pair.bob.policies.agreed
    assert ours.is_udp_encapsulated
    assert theirs.is_udp_encapsulated
    assert ours.inbound == theirs.outbound


@pytest.mark.parametrize("proposal", [AH, BUNDLE])
def test_ah_is_not_even_offered_across_a_translator_and_fails_as_such(proposal: IpsecProposal) -> None:
    pair, alices, _ = translated_pair()
    pair.set_terms(proposal)
    sent = len(pair.alice.sent)
    negotiation = pair.negotiate(alices)
    # The failure is told when whoever began it is done, and not from within.
    assert failures(pair.alice) == []
    assert negotiation.is_negotiating
    pair.run(seconds=1)
    assert failures(pair.alice) == [FailureReason.NAT_WITH_AH]
    assert len(pair.alice.sent) == sent
    assert alices.is_matured
    pair.run(seconds=60)
    assert not alices.negotiations


def test_what_else_a_policy_has_is_offered() -> None:
    pair, alices, _ = translated_pair()
    pair.set_terms(AH, BUNDLE, ESP)
    pair.negotiate(alices)
    pair.run(seconds=1)
    assert [each.proposal for each in pair.alice.policies.agreed] == [ESP]
    assert [each.proposal for each in pair.bob.policies.agreed] == [ESP]


def test_who_is_behind_a_translator_sends_keepalives_while_it_has_nothing_to_say() -> None:
    pair, alices, _ = translated_pair()
    pair.run(seconds=18)
    assert keepalives(pair.alice) == 0
    pair.run(seconds=2)
    assert keepalives(pair.alice) == 1
    sent = pair.alice.sent[-1]
    assert (sent.source.port, sent.destination.port) == (4500, 4500)
    pair.run(seconds=60)
    assert keepalives(pair.alice) == 4
    # They are nothing to the other end, and it sends none.
    assert keepalives(pair.bob) == 0
    assert pair.bob.drops == {}
    assert alices.statistics.output_packets == 3
    pair.alice.engine.delete(alices, DeletionReason.CLEARED)
    pair.run(seconds=1)
    assert pair.world.next_deadline() is None


def test_a_keepalive_waits_for_an_interval_without_anything_else() -> None:
    world, times = World(now=0, seed=0), list[int]()
    keepalive = Keepalive(world, 20 * SECOND, lambda: times.append(world.now // SECOND))
    world.advance(15 * SECOND)
    keepalive.note_sent()
    world.advance(80 * SECOND)
    assert times == [35, 55, 75]
    keepalive.close()
    assert world.next_deadline() is None


def test_a_new_message_from_another_port_moves_the_path_and_a_replayed_one_does_not() -> None:
    pair, alices, bobs = translated_pair()
    pair.set_terms()
    pair.set_link(LinkProfile(is_partitioned=True))
    pair.negotiate(alices)
    first, moved, replayed = pair.alice.sent[-1], Endpoint(ALICE, 61000), Endpoint(ALICE, 62000)
    pair.bob.engine.receive(moved, first.destination, first.payload)
    assert bobs.remote == moved
    pair.bob.engine.receive(replayed, first.destination, first.payload)
    assert bobs.remote == moved
    pair.bob.engine.receive(replayed, first.destination, first.payload[:-1] + b"?")
    assert bobs.remote == moved
    assert bobs.is_matured


def test_without_a_translator_the_path_stays() -> None:
    pair = Pair(alice=NATT, bob=NATT)
    alices, bobs = pair.establish()
    pair.set_terms()
    pair.set_link(LinkProfile(is_partitioned=True))
    pair.negotiate(alices)
    first = pair.alice.sent[-1]
    pair.bob.engine.receive(Endpoint(ALICE, 61000), first.destination, first.payload)
    assert bobs.remote == Endpoint(ALICE, 500)


def test_a_first_contact_from_behind_a_translator_leaves_its_neighbours_alone() -> None:
    pair = Pair(alice=BEHIND, bob=NATT)
    names = [Identification(2, 0, 0, name).encode() for name in (b"one.example.org", b"two.example.org")]
    pair.alice.policies.by_address[BOB] = policy(BOB, local_identity=names[0])
    _, first = pair.establish()
    pair.network.detach(ALICE)
    neighbour = Gateway(pair.world, pair.network, ALICE, BEHIND)
    neighbour.policies.by_address[BOB] = policy(BOB, local_identity=names[1])
    neighbour.initiate(BOB)
    pair.run(seconds=1)
    assert len(pair.bob.matured) == 2
    assert first.remote_identity == names[0]
    # The same one once more, on the other hand, has lost what it had.
    pair.network.detach(ALICE)
    reborn = Gateway(pair.world, pair.network, ALICE, BEHIND)
    reborn.policies.by_address[BOB] = policy(BOB, local_identity=names[0])
    reborn.initiate(BOB)
    pair.run(seconds=1)
    assert pair.bob.policies.deleted == [(first, DeletionReason.INITIAL_CONTACT)]


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_transport_mode_has_the_original_addresses_of_both_ends(mode: ExchangeMode) -> None:
    pair, alices, _ = translated_pair(mode=mode)
    pair.set_terms(mode=SaMode.TRANSPORT)
    pair.negotiate(alices)
    pair.run(seconds=1)
    assert [each.mode for each in pair.bob.policies.agreed] == [SaMode.TRANSPORT]
    assert pair.alice.drops == pair.bob.drops == {}


def test_a_single_octet_that_is_no_keepalive_is_malformed() -> None:
    pair = Pair()
    for octet in (b"\xff", b"\xfe"):
        pair.bob.engine.receive(Endpoint(ALICE, 4500), Endpoint(BOB, 4500), octet)
    assert pair.bob.drops == {DropReason.MALFORMED_MESSAGE: 1}
