"""Quick modes of two foreign daemons: their keys, and our engine in the place of either end."""

from collections.abc import Mapping

import pytest

from agent.core.config import IpsecPolicy
from agent.core.crypto import diffie_hellman
from agent.core.events import FailureReason
from agent.core.identifiers import Spi
from agent.core.ike import auth, identity, keymat
from agent.core.ike.agreement import Material
from agent.core.ike.message import Header
from agent.core.ike.numbers import ExchangeType, ProtocolId
from agent.core.ike.payloads import Nonce, decode_payloads, encode_payloads
from agent.core.ike.phase2_keymat import Phase2Seed, material, protections
from agent.core.world import SECOND
from tests.support.stand import Stand
from tests.support.vectors import RecordedQuickMode, Recording, Side, names, recording

KEYED = names(has_keys=True)
COMPLETE = [name for name in KEYED if not name.startswith("refused")]
PLAYED = KEYED
ESTABLISHED = [name for name in PLAYED if not name.startswith("refused")]
SIDES: list[Side] = ["initiator", "responder"]


def phase1_keys(each: Recording) -> keymat.Phase1Keys:
    proposal = each.accepted()
    return keymat.derive(proposal.authentication_algorithm, proposal.encryption_algorithm, each.seed())


def stand(each: Recording, side: Side) -> Stand:
    return Stand(each, side, each.entropy(side, message_ids=each.message_ids(side), has_phase2=True))


def assert_keys(found: Material, recorded: Mapping[str, str]) -> None:
    keys = found.esp or found.ah
    assert keys is not None
    assert keys.spi == int(recorded["spi"], 16)
    assert keys.encryption.hex() == recorded["encryption_key"]
    assert keys.authentication.hex() == recorded["integrity_key"]


@pytest.mark.parametrize("name", COMPLETE)
def test_every_key_of_every_quick_mode_is_the_recorded_one(name: str) -> None:
    each = recording(name)
    for quick in each.quick_modes():
        pfs = quick.keys["pfs"]
        secret = bytes.fromhex(pfs["dh_shared_secret"]) if pfs else b""
        seed = Phase2Seed(phase1_keys(each).phase2_prf(), secret, quick.nonce("initiator"), quick.nonce("responder"))
        (proposal,) = quick.accepted.proposals
        (part,) = protections(proposal)
        for direction, receiver in (("initiator_to_responder", "responder"), ("responder_to_initiator", "initiator")):
            recorded, spi = quick.keys[direction], quick.spi(receiver)  # type: ignore[arg-type]
            keymat_octets = bytes.fromhex(recorded["keymat"])
            assert seed.keymat(part.protocol, spi, len(keymat_octets)) == keymat_octets
            assert_keys(material(proposal, {part.protocol: spi}, seed), recorded)


@pytest.mark.parametrize("name", [name for name in COMPLETE if "pfs" in name])
def test_the_secret_of_perfect_forward_secrecy_follows_from_the_exponents(name: str) -> None:
    (quick,) = recording(name).quick_modes()
    group, pfs = quick.accepted.perfect_forward_secrecy, quick.keys["pfs"]
    assert group is not None
    for end, other in (("i", "r"), ("r", "i")):
        exponent = bytes.fromhex(pfs[f"dh_private_{end}"])
        assert diffie_hellman.public_value(group, exponent).hex() == pfs[f"dh_public_{end}"]
        secret = diffie_hellman.shared_secret(group, exponent, bytes.fromhex(pfs[f"dh_public_{other}"]))
        assert secret.hex() == pfs["dh_shared_secret"]


@pytest.mark.parametrize("name", KEYED)
def test_all_three_hashes_are_the_recorded_ones(name: str) -> None:
    each, keys = recording(name), phase1_keys(recording(name))
    nonces: dict[int, list[bytes]] = {}
    count = 0
    for message in each.later():
        header = Header.decode(message.datagram)
        if header.exchange_type != ExchangeType.QUICK_MODE:
            continue
        proof, *rest = decode_payloads(header.first_payload, message.plaintext, is_padded=True)
        octets, past = encode_payloads(tuple(rest)), nonces.setdefault(header.message_id, [])
        expected = (
            auth.hash_1(keys, header.message_id, octets)
            if not past
            else auth.hash_2(keys, header.message_id, past[0], octets)
            if len(past) == 1
            else auth.hash_3(keys, header.message_id, past[0], past[1])
        )
        assert proof.encode() == expected
        past += [payload.value for payload in rest if isinstance(payload, Nonce)]
        count += 1
    assert count >= len(each.quick_modes())


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", PLAYED)
def test_our_engine_sends_everything_that_was_recorded_in_the_place_of_either_end(name: str, side: Side) -> None:
    each = recording(name)
    ours = stand(each, side)
    prepare(ours)
    ours.play_on(ours.play())
    assert ours.entropy.left == 0
    assert sum(ours.engine.statistics.dropped.values()) == 0


def prepare(ours: Stand) -> None:
    """Give the responder the terms that the recorded one had."""
    name, quick_modes = ours.recording.name, ours.recording.quick_modes()
    if ours.side == "initiator" or name.endswith("invalid-id"):
        return
    refusing = recording("main_des-sha1-g2_esp-des-sha1").quick_modes()[0].accepted
    is_refused = name.endswith("no-proposal-chosen")
    terms = quick_modes[0].terms("responder", refusing if is_refused else None)
    spis = iter(quick_modes)
    ours.policies.terms = [terms._replace(allocate_spi=lambda: next(spis).spi("responder"))]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", [name for name in ESTABLISHED if not name.startswith("delete")])
def test_our_engine_agrees_on_the_recorded_spis_and_keys(name: str, side: Side) -> None:
    each = recording(name)
    ours = stand(each, side)
    sa = ours.play()
    for quick in each.quick_modes():
        ours.policies.terms = [quick.terms("responder")]
        play_quick_mode(ours, quick)
        agreement = ours.policies.agreed[-1]
        inbound, outbound = "responder_to_initiator", "initiator_to_responder"
        if side == "responder":
            inbound, outbound = outbound, inbound
        assert_keys(agreement.inbound, quick.keys[inbound])
        assert_keys(agreement.outbound, quick.keys[outbound])
        assert agreement.mode is quick.mode
        assert agreement.proposal.lifetime_seconds == 3960
    assert sa.ipsec_sas_created == 2 * len(each.quick_modes())


def play_quick_mode(ours: Stand, quick: RecordedQuickMode) -> None:
    (sa,) = ours.engine.sas.values()
    if ours.side == "initiator":
        sa.negotiate(quick.terms("initiator"))
    for message in ours.recording.later(ours.side):
        if message.datagram[20:24] == quick.message_id and message.sender != ours.side:
            ours.engine.receive(message.source, message.destination, message.datagram)


@pytest.mark.parametrize(
    ("name", "local", "remote"),
    [
        (
            "main_3des-md5-g2_esp-3des-md5",
            "ipv4_subnet(any:0,[0..7]=192.168.11.0/24)",
            "ipv4_subnet(any:0,[0..7]=172.30.11.0/24)",
        ),
        (
            "main_des-md5-g1_esp-3des-sha1_transport",
            "ipv4(udp:5004,[0..3]=10.17.7.8)",
            "ipv4(udp:5004,[0..3]=10.17.7.108)",
        ),
    ],
)
def test_the_identities_are_shown_and_turned_round_at_the_other_end(name: str, local: str, remote: str) -> None:
    for side in SIDES:
        ours = stand(recording(name), side)
        prepare(ours)
        sa = ours.play()
        ours.play_on(sa)
        (negotiation,) = sa.negotiations.values()
        shown = negotiation.local_identity, negotiation.remote_identity
        assert shown == ((local, remote) if side == "initiator" else (remote, local))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refused_phase2_no-proposal-chosen", FailureReason.NO_PROPOSAL_CHOSEN),
        ("refused_phase2_invalid-id", FailureReason.INVALID_IDENTITY),
    ],
)
@pytest.mark.parametrize("side", SIDES)
def test_a_refused_phase_2_fails_at_both_ends_and_the_ike_sa_lives(
    name: str, reason: FailureReason, side: Side
) -> None:
    ours = stand(recording(name), side)
    prepare(ours)
    sa = ours.play()
    ours.play_on(sa)
    assert [each for _, each in ours.policies.failed_phase2] == [reason]
    assert ours.policies.agreed == []
    assert sa.is_matured
    # What is over is not retransmitted.
    ours.world.advance(10 * SECOND)
    assert ours.sent == []


@pytest.mark.parametrize("name", [name for name in PLAYED if name.startswith("delete")])
def test_the_responder_hears_of_the_ipsec_sa_that_the_initiator_deleted(name: str) -> None:
    each = recording(name)
    ours = stand(each, "responder")
    prepare(ours)
    ours.play_on(ours.play())
    (quick,) = each.quick_modes()
    assert ours.policies.peer_deleted == [(ProtocolId.ESP, quick.spi("initiator"))]
    assert bool(ours.engine.sas) == name.startswith("delete_ipsec")


def test_no_terms_that_differ_in_perfect_forward_secrecy_will_do() -> None:
    each = recording("main_3des-sha1-g2_ah-sha1_pfs-g1")
    (quick,) = each.quick_modes()
    ours = Stand(each, "responder", each.entropy("responder", message_ids=[b"\0\0\0\1"], has_phase2=True))
    sa = ours.play()
    ours.policies.terms = [quick.terms("responder", IpsecPolicy("none", quick.accepted.proposals))]
    play_quick_mode(ours, quick)
    assert [reason for _, reason in ours.policies.failed_phase2] == [FailureReason.NO_PROPOSAL_CHOSEN]
    assert sa.ipsec_sas_created == 0
    assert identity.traffic(quick.identity("initiator")) == ours.policies.requests[0].remote_identity
    assert Spi(0) not in [spi for _, spi in ours.policies.peer_deleted]
