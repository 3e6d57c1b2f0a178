"""The entrance of a peer that has proven who it is: what stands behind the hash of an encrypted message of IKE.

Phase 1 is that between two foreign daemons, whose keys are on record. An input is an octet that tells the exchange, one
with the type of the first payload behind the hash, and the payloads.
"""

from __future__ import annotations

from itertools import count

from agent.core.identifiers import MessageId
from agent.core.ike import auth, keymat
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Reply
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import PHASE_1, Header
from agent.core.ike.numbers import ExchangeType
from agent.core.ike.payloads import Hash, decode_chain, encode_payloads
from agent.core.world import SeededEntropy
from tests.fuzz.target import Run, Target
from tests.support.stand import Stand
from tests.support.vectors import RecordedEntropy, Recording, names, recording

EXCHANGES = (ExchangeType.INFORMATIONAL, ExchangeType.QUICK_MODE)
PLAYED = "main_des-md5-g1_esp-des-md5_pfs-g1"


class _Entropy(RecordedEntropy):
    """What was drawn on record, and then whatever else is asked for."""

    def __init__(self, each: Recording) -> None:
        super().__init__({"exponent": [each.key("dh_private_r")], "nonce": [each.key("nonce_r")]})
        self._further = SeededEntropy(7)

    def draw(self, name: str, count: int) -> bytes:
        try:
            return super().draw(name, count)
        except (KeyError, IndexError):
            return self._further.draw(name, count)


def keys_of(each: Recording) -> keymat.Phase1Keys:
    """Return the keys of a phase 1."""
    proposal = each.accepted()
    return keymat.derive(proposal.authentication_algorithm, proposal.encryption_algorithm, each.seed())


def proven(data: bytes, keys: keymat.Phase1Keys, message_id: MessageId) -> Reply:
    """Return a message with a hash that is right, if there can be one."""
    kind, rest = (data[1], data[2:]) if len(data) > 1 else (0, b"")
    behind = encode_payloads((Hash(b""),), kind) + rest
    try:
        covered = decode_chain(Hash.kind, behind, is_padded=True)[1]
    except MalformedMessage:
        covered = rest
    proof = Hash(auth.hash_1(keys, message_id, covered))
    return Reply((proof,), is_encrypted=True, body=encode_payloads((proof,), kind) + rest)


def protected() -> Run:
    """An engine that has established an IKE SA with a daemon, in whose name everything comes."""
    each = recording(PLAYED)
    keys, (quick,) = keys_of(each), each.quick_modes()
    numbers = count(1)

    def begin() -> tuple[Stand, Envelope]:
        stand = Stand(each, "responder", _Entropy(each))
        stand.play()
        stand.policies.terms = [quick.terms("responder")]
        envelope = Envelope(each.seed().cookies)
        envelope.take_keys(keys)
        for message in each.phase1("responder"):
            header = Header.decode(message.datagram)
            if header.message_id == PHASE_1:
                envelope.accept(header, message.datagram)
        return stand, envelope

    stand, envelope = begin()

    def run(data: bytes) -> None:
        nonlocal stand, envelope
        if not stand.engine.sas:
            stand, envelope = begin()
        exchange = EXCHANGES[data[0] % 2] if data else ExchangeType.INFORMATIONAL
        message_id = MessageId(next(numbers))
        first = each.phase1("responder")[0]
        before = sum(stand.engine.statistics.dropped.values())
        datagram = envelope.seal(exchange, message_id, proven(data, keys, message_id))
        stand.engine.receive(first.source, first.destination, datagram)
        stand.world.advance(stand.world.now + 50_000)
        assert sum(stand.engine.statistics.dropped.values()) - before <= 1, "a datagram is dropped once"
        stand.sent.clear()

    return run


def plaintexts() -> list[bytes]:
    """Return what two daemons have said to each other under protection, as inputs."""
    found: dict[bytes, None] = {}
    for name in names(has_keys=True):
        for message in recording(name).later():
            header = Header.decode(message.datagram)
            _, rest = decode_chain(header.first_payload, message.plaintext, is_padded=True)
            kind = message.plaintext[0]
            if header.exchange_type in EXCHANGES and header.first_payload == Hash.kind and rest:
                number = EXCHANGES.index(ExchangeType(header.exchange_type))
                found[bytes((number, kind)) + rest] = None
    return list(found)


TARGETS = (Target("isakmp-protected", protected, plaintexts(), inputs_for_one=100),)
"""What comes from a peer that is known."""
