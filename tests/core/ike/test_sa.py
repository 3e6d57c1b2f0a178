"""One IKE SA: loss, duplicates, time-outs, lifetime, delete, and forged messages."""

import pytest

from agent.core.events import DeletionReason, DropReason, FailureReason, IkeNegotiationFailed, IkeSaDeleted
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.message import ENCRYPTION_FLAG, Header, Message
from agent.core.ike.numbers import ExchangeType, NotifyType
from agent.core.ike.payloads import Delete, Notification
from agent.core.link import LinkProfile
from agent.core.world import SECOND
from tests.support.gateways import ALICE, BOB, Gateway, Pair, policy, relay

PARTITION = LinkProfile(is_partitioned=True)


def failures(gateway: Gateway) -> list[FailureReason]:
    return [event.reason for event in gateway.events if isinstance(event, IkeNegotiationFailed)]


def deletions(gateway: Gateway) -> list[DeletionReason]:
    return [event.reason for event in gateway.events if isinstance(event, IkeSaDeleted)]


# Loss and duplicates


def test_a_lost_first_message_is_sent_again_with_growing_intervals() -> None:
    pair = Pair()
    pair.set_link(PARTITION)
    pair.initiate()
    times: list[float] = []
    while (deadline := pair.world.next_deadline()) is not None:
        before = len(pair.alice.sent)
        pair.world.advance(deadline)
        if len(pair.alice.sent) > before:
            times.append(pair.world.now / SECOND)
    assert times == [1, 3, 7, 15]
    assert len({each.payload for each in pair.alice.sent}) == 1


def test_a_phase_1_that_nobody_answers_times_out_and_lingers_and_goes() -> None:
    pair = Pair()
    pair.set_link(PARTITION)
    alices = pair.initiate()
    pair.run(seconds=30.9)
    assert failures(pair.alice) == []
    pair.run(seconds=0.2)
    assert failures(pair.alice) == [FailureReason.TIMEOUT]
    assert pair.alice.sas == [alices]
    assert alices.flags == (IkeSaFlag.CALLER_NOTIFICATION_SENT, IkeSaFlag.WAITING_FOR_REMOVE)
    assert not alices.is_matured
    pair.run(seconds=31)
    assert pair.alice.sas == []
    assert pair.world.next_deadline() is None


def test_a_half_open_negotiation_times_out_at_the_responder() -> None:
    pair = Pair()
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.initiate()
    pair.run(seconds=59)
    assert pair.bob.engine.statistics.half_open == 1
    pair.run(seconds=2)
    assert failures(pair.bob) == [FailureReason.TIMEOUT]
    pair.run(seconds=120)
    assert pair.bob.engine.statistics.half_open == 0
    assert pair.bob.sas == []
    assert pair.world.next_deadline() is None


@pytest.mark.parametrize("lost", range(3))
def test_a_lost_reply_is_answered_from_memory(lost: int) -> None:
    pair = Pair()
    alices = pair.initiate()
    # Bob's reply number `lost` does not come through; Alice asks again a second later.
    pair.run(seconds=0.01 * lost + 0.004)
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=0.5)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=2)
    assert alices.is_matured
    assert len(pair.bob.matured) == 1
    repeated = [each.payload for each in pair.bob.sent]
    assert repeated[lost] == repeated[lost + 1]
    assert len(set(repeated)) == 3
    assert pair.bob.drops == {}


def test_a_duplicate_is_answered_with_the_same_octets_and_does_nothing_else() -> None:
    pair = Pair()
    pair.initiate()
    pair.run(seconds=0.006)
    (bobs,) = pair.bob.sas
    first = pair.bob.sent[-1].payload
    relay(0, pair.alice, pair.bob)
    assert pair.bob.sent[-1].payload == first
    assert pair.bob.sas == [bobs]
    assert bobs.statistics.input_packets == 2


def test_an_initiator_does_not_answer_a_duplicate() -> None:
    pair = Pair()
    pair.initiate()
    pair.run(seconds=0.011)
    sent = len(pair.alice.sent)
    relay(0, pair.bob, pair.alice)
    assert len(pair.alice.sent) == sent
    assert pair.alice.drops == {DropReason.REPLAYED_MESSAGE: 1}


def test_an_older_message_that_comes_again_is_a_replay_and_not_answered() -> None:
    pair = Pair()
    pair.establish()
    sent = len(pair.bob.sent)
    relay(0, pair.alice, pair.bob)
    relay(1, pair.alice, pair.bob)
    assert len(pair.bob.sent) == sent
    assert pair.bob.drops == {DropReason.REPLAYED_MESSAGE: 2}
    assert len(pair.bob.sas) == 1


def test_message_5_is_answered_from_memory_until_the_peer_has_given_up() -> None:
    pair = Pair()
    pair.establish()
    relay(2, pair.alice, pair.bob)
    assert pair.bob.sent[-1].payload == pair.bob.sent[-2].payload
    pair.run(seconds=31)
    sent = len(pair.bob.sent)
    relay(2, pair.alice, pair.bob)
    assert len(pair.bob.sent) == sent
    assert pair.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 1}


def test_a_refusal_is_repeated_for_a_peer_that_did_not_hear_it() -> None:
    pair = Pair()
    pair.bob.policies.by_address[ALICE] = policy(ALICE, pre_shared_key=b"another")
    pair.initiate()
    pair.run(seconds=0.024)
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=0.9)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=1)
    refusals = [each.payload for each in pair.bob.sent if each.label == "informational"]
    assert len(refusals) == 2
    assert len(set(refusals)) == 1
    assert failures(pair.alice) == [FailureReason.AUTHENTICATION_FAILED]
    assert failures(pair.bob) == [FailureReason.AUTHENTICATION_FAILED]


def test_what_a_lost_message_6_leaves_at_the_responder_goes_with_the_next_initial_contact() -> None:
    pair = Pair()
    pair.initiate()
    pair.run(seconds=0.024)
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=60)
    assert failures(pair.alice) == [FailureReason.TIMEOUT]
    (orphan,) = pair.bob.matured
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    _, bobs = pair.establish()
    assert pair.bob.matured == [bobs]
    assert pair.bob.policies.deleted == [(orphan, DeletionReason.INITIAL_CONTACT)]


# Lifetime and delete


def test_at_the_end_of_its_lifetime_an_ike_sa_goes_at_both_ends() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    assert alices.expires_at == 30_000 + 3600 * SECOND
    pair.run(seconds=3598.9)
    assert pair.alice.sas == [alices]
    assert deletions(pair.alice) == deletions(pair.bob) == []
    pair.run(seconds=1)
    assert pair.alice.sas == pair.bob.sas == []
    assert deletions(pair.bob) == [DeletionReason.LIFETIME_EXPIRED]
    assert deletions(pair.alice)[0] in (DeletionReason.LIFETIME_EXPIRED, DeletionReason.PEER_DELETED)
    pair.run(seconds=1)
    assert pair.world.next_deadline() is None


def test_a_delete_tells_the_peer_and_is_not_answered() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    # --> HDR*, HASH(1), D
    pair.alice.engine.delete(alices, DeletionReason.CLEARED)
    assert pair.alice.sas == []
    pair.run(seconds=1)
    assert pair.alice.trace[-1] == "informational*"
    assert pair.bob.sas == []
    assert pair.bob.policies.deleted == [(bobs, DeletionReason.PEER_DELETED)]
    assert deletions(pair.alice) == [DeletionReason.CLEARED]
    assert "informational*" not in pair.bob.trace
    assert pair.world.next_deadline() is None


def test_a_delete_of_another_ike_sa_or_another_protocol_removes_nothing() -> None:
    pair = Pair()
    _, bobs = pair.establish()
    bobs.on_delete(Delete(1, 16, (b"somebody" * 2,)))
    bobs.on_delete(Delete(3, 16, (bobs.cookies.spi,)))
    assert pair.bob.matured == [bobs]
    bobs.on_delete(Delete(1, 16, (b"somebody" * 2, bobs.cookies.spi)))
    assert pair.bob.matured == []


def test_a_negotiation_that_is_deleted_fails_and_is_gone_at_once() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.alice.engine.delete(alices, DeletionReason.RECONFIGURED)
    assert failures(pair.alice) == [FailureReason.RECONFIGURED]
    assert deletions(pair.alice) == []
    pair.run(seconds=1)
    assert pair.alice.sas == []


# What a stranger can send


def forge(pair: Pair, header: Header, body: bytes = b"", *, to_bob: bool = True) -> None:
    alice, bob = pair.alice.sas[0].local, pair.alice.sas[0].remote
    if to_bob:
        pair.bob.engine.receive(alice, bob, header.encode(body))
    else:
        pair.alice.engine.receive(bob, alice, header.encode(body))


def header_of(pair: Pair, **changes: object) -> Header:
    (sa,) = pair.alice.sas
    header = Header(sa.initiator_cookie, sa.responder_cookie, 0, ExchangeType.INFORMATIONAL, 0, 7)  # type: ignore[arg-type]
    return header._replace(**changes)  # type: ignore[arg-type]


def test_a_clear_notification_or_delete_does_nothing_to_an_established_ike_sa() -> None:
    pair = Pair()
    alices, bobs = pair.establish()
    for payload in (Notification(1, b"", NotifyType.AUTHENTICATION_FAILED), Delete(1, 16, (alices.cookies.spi,))):
        header = header_of(pair, first_payload=payload.kind)
        pair.bob.engine.receive(alices.local, alices.remote, Message(header, (payload,)).encode())
    assert pair.bob.matured == [bobs]
    assert pair.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 2}


def test_an_encrypted_message_of_garbage_is_dropped() -> None:
    pair = Pair()
    _, bobs = pair.establish()
    for number in range(20):
        forge(
            pair, header_of(pair, flags=ENCRYPTION_FLAG, first_payload=8, message_id=number + 1), bytes([number]) * 64
        )
    assert pair.bob.matured == [bobs]
    assert sum(pair.bob.drops.values()) == 20
    assert set(pair.bob.drops) <= {DropReason.DECRYPTION_FAILED, DropReason.AUTHENTICATION_FAILED}


@pytest.mark.parametrize("octets", [0, 1, 7, 9])
def test_a_ciphertext_that_is_not_whole_blocks_is_dropped(octets: int) -> None:
    pair = Pair()
    pair.establish()
    forge(pair, header_of(pair, flags=ENCRYPTION_FLAG, first_payload=8), bytes(octets))
    assert pair.bob.drops == {DropReason.DECRYPTION_FAILED: 1}


def test_an_encrypted_message_before_there_are_keys_is_unexpected() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.006)
    for exchange in (ExchangeType.MAIN, ExchangeType.INFORMATIONAL):
        message_id = 0 if exchange is ExchangeType.MAIN else 7
        (bobs,) = pair.bob.sas
        header = Header(
            alices.initiator_cookie,
            bobs.responder_cookie,
            5,
            exchange,
            ENCRYPTION_FLAG,
            message_id,  # type: ignore[arg-type]
        )
        pair.bob.engine.receive(alices.local, alices.remote, header.encode(bytes(64)))
    assert pair.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 2}
    pair.run(seconds=1)
    assert alices.is_matured


def test_a_malformed_message_in_the_clear_does_not_end_a_negotiation() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.011)
    third = pair.alice.sent[-1].payload
    for _ in range(2):
        pair.bob.engine.receive(alices.local, alices.remote, third[:29] + b"\1" + third[30:])
    assert pair.bob.drops == {DropReason.MALFORMED_MESSAGE: 2}
    pair.run(seconds=1)
    assert alices.is_matured
    assert len(pair.bob.matured) == 1


def test_a_main_mode_message_with_a_message_id_is_malformed() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.011)
    third = pair.alice.sent[-1].payload
    pair.bob.engine.receive(alices.local, alices.remote, third[:20] + b"\0\0\0\1" + third[24:])
    assert pair.bob.drops == {DropReason.MALFORMED_MESSAGE: 1}
    pair.run(seconds=1)
    assert alices.is_matured


def test_a_main_mode_message_out_of_turn_is_unexpected() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.006)
    (bobs,) = pair.bob.sas
    first = Message.decode(pair.alice.sent[0].payload)
    again = first._replace(header=first.header._replace(responder_cookie=bobs.responder_cookie))
    pair.bob.engine.receive(alices.local, alices.remote, again.encode())
    assert pair.bob.drops == {DropReason.UNEXPECTED_MESSAGE: 1}
    pair.run(seconds=1)
    assert alices.is_matured


def test_a_replayed_delete_is_known_by_its_cookies_only_while_they_live() -> None:
    pair = Pair()
    alices, _ = pair.establish()
    pair.alice.engine.delete(alices, DeletionReason.CLEARED)
    pair.run(seconds=1)
    relay(3, pair.alice, pair.bob)
    assert pair.bob.drops == {DropReason.UNKNOWN_COOKIE: 1}
