"""Messages of quick mode that no honest end sends, made by hand with the right hash."""

from ipaddress import ip_network

import pytest

from agent.core.config import DhGroup, IkeSettings, IpsecProposal, SaMode, TrafficIdentity
from agent.core.events import DropReason, FailureReason
from agent.core.identifiers import Endpoint, MessageId, Spi
from agent.core.ike import auth, keymat, phase2_proposal
from agent.core.ike.agreement import Request
from agent.core.ike.exchange import Discarded
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import ZERO_COOKIE, Header, Message
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType, NotifyType, ProtocolId
from agent.core.ike.payloads import Hash, Identification, KeyExchange, NatOa, Nonce, Payload, encode_payloads
from agent.core.ike.phase2_proposal import Manner
from agent.core.ike.quick_mode import Input, QuickMode, QuickModeInitiator, QuickModeResponder
from agent.core.ike.refusal import NegotiationRefused
from agent.core.ike.security_association import SecurityAssociation
from agent.core.world import SeededEntropy
from tests.support.gateways import AH, ALICE, ALICES_NET, BOB, BOBS_NET, BUNDLE, terms
from tests.support.vectors import recording

RECORDED = recording("main_3des-md5-g2_esp-3des-md5")
KEYS = keymat.derive(
    RECORDED.accepted().authentication_algorithm, RECORDED.accepted().encryption_algorithm, RECORDED.seed()
)
MESSAGE_ID = MessageId(7)
GROUP = DhGroup.GROUP1


def responder() -> QuickModeResponder:
    path = Path(Endpoint(BOB, 500), Endpoint(ALICE, 500))
    entropy = SeededEntropy(1)
    return QuickModeResponder(keys=KEYS, message_id=MESSAGE_ID, path=path, settings=IkeSettings(), draw=entropy.draw)


def waiting_initiator(mode: SaMode = SaMode.TUNNEL, group: DhGroup | None = None) -> QuickModeInitiator:
    """Return an initiator that has not begun."""
    path = Path(Endpoint(ALICE, 500), Endpoint(BOB, 500))
    return QuickModeInitiator(
        terms=terms(ALICES_NET, BOBS_NET, group=group, mode=mode),
        keys=KEYS,
        message_id=MESSAGE_ID,
        path=path,
        settings=IkeSettings(),
        draw=SeededEntropy(2).draw,
    )


def initiator(group: DhGroup | None = None) -> tuple[QuickModeInitiator, Message]:
    """Return an initiator that waits for message 2, and its message 1."""
    exchange = waiting_initiator(group=group)
    reply = exchange.run(Input.INITIATE)
    assert reply is not None
    return exchange, message(*reply.payloads)


def translated(exchange: QuickMode) -> None:
    """Let an exchange be across a translator."""
    exchange.is_udp_encapsulated = True


def message(*payloads: Payload) -> Message:
    """Return a message as it is after decryption."""
    header = Header(ZERO_COOKIE, ZERO_COOKIE, 8, ExchangeType.QUICK_MODE, 1, MESSAGE_ID)
    decoded = Message.decode(header._replace(flags=0, first_payload=payloads[0].kind).encode(encode_payloads(payloads)))
    return decoded._replace(header=header)


def proven(*payloads: Payload, ni: bytes = b"") -> Message:
    """Return a message with HASH(1) or, given the initiator's nonce, HASH(2)."""
    value = auth.hash_1(KEYS, MESSAGE_ID, ni + encode_payloads(payloads))
    return message(Hash(value), *payloads)


def parts(each: Message) -> tuple[SecurityAssociation, Nonce, tuple[Identification, ...]]:
    return each.only(SecurityAssociation), each.only(Nonce), each.find(Identification)


def test_without_identities_the_traffic_is_that_of_the_two_ends_and_the_answer_has_none() -> None:
    _, first = initiator()
    offered, nonce, _ = parts(first)
    exchange = responder()
    exchange.run(Input.SA, proven(offered, nonce))
    bob, alice = (TrafficIdentity(ip_network(str(address))) for address in (BOB, ALICE))
    assert exchange.request == Request(bob, alice)
    reply = exchange.run(Input.POLICY_FOUND, terms(bob, alice))
    assert reply is not None
    assert not any(isinstance(each, Identification) for each in reply.payloads)


def test_a_single_identity_is_malformed() -> None:
    _, first = initiator()
    offered, nonce, identities = parts(first)
    with pytest.raises(MalformedMessage):
        responder().run(Input.SA, proven(offered, nonce, identities[0]))


def test_two_nonces_or_none_are_malformed() -> None:
    _, first = initiator()
    offered, nonce, _ = parts(first)
    for nonces in ((), (nonce, nonce)):
        with pytest.raises(MalformedMessage):
            responder().run(Input.SA, proven(offered, *nonces))


@pytest.mark.parametrize("value", [b"\1".rjust(96, b"\0"), bytes(96), b"\2" * 95], ids=["one", "zero", "short"])
def test_a_public_value_that_no_honest_end_sends_is_refused_by_either_end(value: bytes) -> None:
    ours, first = initiator(GROUP)
    offered, nonce, identities = parts(first)
    exchange = responder()
    exchange.run(Input.SA, proven(offered, nonce, KeyExchange(value), *identities))
    with pytest.raises(NegotiationRefused) as refused:
        exchange.run(Input.POLICY_FOUND, terms(BOBS_NET, ALICES_NET, group=GROUP))
    assert refused.value.failure is FailureReason.INVALID_KEY
    answer = proven(offered, Nonce(b"n" * 16), KeyExchange(value), *identities, ni=nonce.value)
    with pytest.raises(NegotiationRefused) as refused:
        ours.run(Input.SA, answer)
    assert refused.value.failure is FailureReason.INVALID_KEY
    assert ours.agreement is None


@pytest.mark.parametrize("has_key_exchange", [True, False])
def test_a_key_exchange_is_there_if_and_only_if_the_offer_has_a_group(has_key_exchange: bool) -> None:
    group = None if has_key_exchange else GROUP
    _, first = initiator(group)
    offered, nonce, identities = parts(first)
    extra = (KeyExchange(b"\2" * 96),) if has_key_exchange else ()
    exchange = responder()
    exchange.run(Input.SA, proven(offered, nonce, *extra, *identities))
    with pytest.raises(NegotiationRefused) as refused:
        exchange.run(Input.POLICY_FOUND, terms(BOBS_NET, ALICES_NET, group=group))
    assert refused.value.failure is FailureReason.NO_PROPOSAL_CHOSEN


def test_an_answer_with_other_identities_is_refused() -> None:
    ours, first = initiator()
    offered, nonce, identities = parts(first)
    answer = proven(offered, Nonce(b"n" * 16), *identities[::-1], ni=nonce.value)
    with pytest.raises(NegotiationRefused) as refused:
        ours.run(Input.SA, answer)
    assert refused.value.failure is FailureReason.INVALID_IDENTITY


def test_an_answer_that_was_not_offered_is_refused() -> None:
    ours, first = initiator()
    _, nonce, identities = parts(first)
    other = QuickModeInitiator(
        terms=terms(ALICES_NET, BOBS_NET, AH),
        keys=KEYS,
        message_id=MESSAGE_ID,
        path=Path(Endpoint(ALICE, 500), Endpoint(BOB, 500)),
        settings=IkeSettings(),
        draw=SeededEntropy(3).draw,
    ).run(Input.INITIATE)
    assert other is not None
    offered = message(*other.payloads).only(SecurityAssociation)
    with pytest.raises(NegotiationRefused) as refused:
        ours.run(Input.SA, proven(offered, Nonce(b"n" * 16), *identities, ni=nonce.value))
    assert refused.value.failure is FailureReason.NO_PROPOSAL_CHOSEN


@pytest.mark.parametrize("payloads", [(), (Nonce(b"n" * 16),), (Hash(b""),), (Hash(bytes(16)),)])
def test_a_message_without_the_right_hash_in_front_proves_nothing(payloads: tuple[Payload, ...]) -> None:
    _, first = initiator()
    offered, nonce, _ = parts(first)
    exchange = responder()
    with pytest.raises(Discarded) as discarded:
        exchange.run(Input.SA, message(*payloads, offered, nonce))
    assert discarded.value.reason is DropReason.AUTHENTICATION_FAILED
    # The same exchange takes the right one after it.
    exchange.run(Input.SA, proven(offered, nonce))
    assert exchange.awaits_policy


# Across a translator


@pytest.mark.parametrize("proposal", [AH, BUNDLE])
def test_a_responder_refuses_ah_across_a_translator_as_such(proposal: IpsecProposal) -> None:
    ours = terms(BOBS_NET, ALICES_NET, proposal)
    spis = {ProtocolId.ESP: Spi(1000), ProtocolId.AH: Spi(2000)}
    # An initiator that knows no better
    offered = phase2_proposal.offer(ours.policy, Manner(None, ours.mode, is_udp_encapsulated=False), spis)
    exchange = responder()
    translated(exchange)
    exchange.run(Input.SA, proven(offered, Nonce(b"n" * 16)))
    with pytest.raises(NegotiationRefused) as refused:
        exchange.run(Input.POLICY_FOUND, ours)
    assert refused.value.failure is FailureReason.NAT_WITH_AH
    assert refused.value.notify == NotifyType.NO_PROPOSAL_CHOSEN


def test_an_offer_of_esp_that_will_not_do_is_refused_for_what_it_is() -> None:
    _, first = initiator()
    offered, nonce, _ = parts(first)
    exchange = responder()
    translated(exchange)
    exchange.run(Input.SA, proven(offered, nonce))
    with pytest.raises(NegotiationRefused) as refused:
        exchange.run(Input.POLICY_FOUND, terms(BOBS_NET, ALICES_NET, AH))
    assert refused.value.failure is FailureReason.NO_PROPOSAL_CHOSEN


@pytest.mark.parametrize(
    ("is_translated", "mode", "expected"),
    [
        (True, SaMode.TRANSPORT, (NatOa(ALICE), NatOa(BOB))),
        (True, SaMode.TUNNEL, ()),
        (False, SaMode.TRANSPORT, ()),
    ],
)
def test_the_original_addresses_are_in_both_messages_of_transport_mode_the_initiators_first(
    is_translated: bool, mode: SaMode, expected: tuple[NatOa, ...]
) -> None:
    ours, theirs = waiting_initiator(mode), responder()
    for exchange in (ours, theirs):
        exchange.is_udp_encapsulated = is_translated
    first = ours.run(Input.INITIATE)
    assert first is not None
    theirs.run(Input.SA, message(*first.payloads))
    second = theirs.run(Input.POLICY_FOUND, terms(BOBS_NET, ALICES_NET, mode=mode))
    assert second is not None
    for reply in (first, second):
        assert message(*reply.payloads).find(NatOa) == expected
