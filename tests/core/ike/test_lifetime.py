"""Lifetimes on the wire: attributes, and what a responder says of its own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.config import ExchangeMode
from agent.core.events import DeletionReason
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.lifetime import PHASE_1_LIFE, PHASE_2_LIFE, Lifetimes, notified, read, responder_lifetime
from agent.core.ike.numbers import NotifyType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.ike.sa import IkeSa
from agent.core.ike.security_association import decode_attributes
from agent.core.world import SECOND
from tests.support.gateways import ALICE, BOB, PROPOSAL, Pair, policy

numbers = st.one_of(st.none(), st.integers(1, 2**32 - 1))
lifetimes = st.builds(Lifetimes, numbers, numbers)


@given(lifetimes, st.sampled_from([PHASE_1_LIFE, PHASE_2_LIFE]))
def test_lifetimes_are_read_as_they_were_said(said: Lifetimes, kinds: object) -> None:
    assert kinds in (PHASE_1_LIFE, PHASE_2_LIFE)
    phase = PHASE_1_LIFE if kinds is PHASE_1_LIFE else PHASE_2_LIFE
    known = frozenset({phase.life_type, phase.life_duration})
    assert read(said.attributes(phase), known, phase) == ({}, said)


@given(lifetimes, lifetimes)
def test_the_shorter_of_two_is_no_longer_than_either(one: Lifetimes, other: Lifetimes) -> None:
    both = one.shortened_by(other)
    for each, least in (("seconds", both.seconds), ("kilobytes", both.kilobytes)):
        said = [value for value in (getattr(one, each), getattr(other, each)) if value is not None]
        assert least == (min(said) if said else None)


@given(lifetimes, st.sampled_from(list(ProtocolId)))
def test_a_notification_says_them_for_its_protocol_alone(said: Lifetimes, protocol: ProtocolId) -> None:
    notification = responder_lifetime(protocol, b"\0\0\1\0", said)
    assert notified((Notification.decode(notification.encode()),), (protocol,)) == said
    assert notified((notification,), [each for each in ProtocolId if each is not protocol]) is None
    assert notified((notification._replace(notify=NotifyType.INITIAL_CONTACT),), (protocol,)) is None


def test_phase_1_is_understood_with_the_numbers_of_phase_2_too() -> None:
    data = responder_lifetime(ProtocolId.ESP, b"", Lifetimes(1800)).data
    notification = Notification(ProtocolId.ISAKMP, b"", NotifyType.RESPONDER_LIFETIME, data)
    assert notified((notification,), (ProtocolId.ISAKMP,)) == Lifetimes(1800)


@given(st.binary(max_size=40))
def test_whatever_a_notification_carries_nothing_is_raised(data: bytes) -> None:
    notification = Notification(ProtocolId.ISAKMP, b"", NotifyType.RESPONDER_LIFETIME, data)
    said = notified((notification,), (ProtocolId.ISAKMP,))
    assert said is None or (said.seconds, said.kilobytes) != (0, 0)


@given(st.binary(max_size=40))
def test_a_list_of_attributes_raises_its_own_error_only(data: bytes) -> None:
    try:
        found = tuple(decode_attributes(data))
    except MalformedMessage:
        return
    assert b"".join(each.encode() for each in found) == data


def lasting(pair: Pair, alices: int, bobs: int, mode: ExchangeMode) -> tuple[IkeSa, IkeSa]:
    """Let Alice offer a lifetime in seconds to Bob, who has another."""
    for gateway, peer, seconds in ((pair.alice, BOB, alices), (pair.bob, ALICE, bobs)):
        proposal = replace(PROPOSAL, lifetime_seconds=seconds)
        gateway.policies.by_address[peer] = policy(peer, mode=mode, proposals=(proposal,))
    return pair.establish()


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_responder_with_a_shorter_lifetime_says_so_and_both_ends_keep_to_it(mode: ExchangeMode) -> None:
    pair = Pair()
    alices, bobs = lasting(pair, 7200, 1800, mode)
    for sa in (alices, bobs):
        assert sa.expires_at is not None
        assert sa.established_at is not None
        assert sa.expires_at - sa.established_at == 1800 * SECOND
    pair.run(seconds=1799.5)
    assert pair.alice.sas == pair.bob.sas == []


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_responder_with_a_longer_lifetime_keeps_to_the_initiators_and_says_nothing(mode: ExchangeMode) -> None:
    pair = Pair()
    alices, bobs = lasting(pair, 1800, 7200, mode)
    assert alices.proposal == replace(PROPOSAL, lifetime_seconds=1800)
    assert bobs.remaining_seconds == alices.remaining_seconds == 1799
    assert "informational*" not in pair.bob.trace


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_at_the_end_of_its_lifetime_in_kilobytes_an_ike_sa_goes(mode: ExchangeMode) -> None:
    pair = Pair()
    proposal = replace(PROPOSAL, lifetime_kilobytes=2)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=mode, proposals=(proposal,))
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=mode)
    alices, bobs = pair.establish()
    assert bobs.proposal == alices.proposal == proposal
    pair.set_terms()
    for _ in range(2):
        pair.negotiate(alices)
        pair.run(seconds=1)
    assert pair.alice.matured != []
    for _ in range(4):
        if pair.alice.matured:
            pair.negotiate(alices)
            pair.run(seconds=1)
    assert pair.alice.matured == pair.bob.matured == []
    reasons = {reason for gateway in (pair.alice, pair.bob) for _, reason in gateway.policies.deleted}
    assert DeletionReason.LIFETIME_EXPIRED in reasons
    assert reasons <= {DeletionReason.LIFETIME_EXPIRED, DeletionReason.PEER_DELETED}
