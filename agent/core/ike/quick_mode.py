"""Quick mode (RFC 2409 sec. 5.5): three messages that make a pair of IPsec SAs under an IKE SA.

    initiator                                           responder
    HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr]  -->                                                    message 1
                                                 <--  HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr] [, N] message 2
    HDR*, HASH(3)                                -->                                                    message 3

Across a translator transport mode has two NAT-OA behind the identities (RFC 3947 sec. 5.2).
Nothing of a message is believed before its hash has been verified.
"""

from abc import ABC, abstractmethod
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import Final

from agent.core.config import DhGroup, IkeSettings, IpsecPolicy, SaMode
from agent.core.crypto import diffie_hellman, hashes
from agent.core.enumeration import Enumeration
from agent.core.events import DropReason
from agent.core.identifiers import MessageId, Spi
from agent.core.ike import auth, identity, phase2_proposal
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.exchange import Discarded, Exchange, Reply, Step, Table, failing, proven
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.keymat import Phase1Keys
from agent.core.ike.lifetime import notified, responder_lifetime
from agent.core.ike.message import Message
from agent.core.ike.natt import Path
from agent.core.ike.numbers import NotifyType, PayloadType, ProtocolId
from agent.core.ike.payloads import (
    Hash,
    Identification,
    KeyExchange,
    NatOa,
    Nonce,
    Notification,
    Payload,
    RawPayload,
)
from agent.core.ike.phase1 import Draw, Role
from agent.core.ike.phase2_keymat import Phase2Seed, material
from agent.core.ike.phase2_proposal import Choice, Manner
from agent.core.ike.refusal import invalid_identity, invalid_key, nat_with_ah, no_proposal_chosen
from agent.core.ike.security_association import SecurityAssociation


class InitiatorState(Enumeration):
    """What the initiator waits for."""

    START = "start"
    AWAITING_MESSAGE_2 = "awaiting message 2"
    ESTABLISHED = "established"
    FAILED = "failed"


class ResponderState(Enumeration):
    """What the responder waits for."""

    AWAITING_MESSAGE_1 = "awaiting message 1"
    AWAITING_POLICY = "awaiting the policy manager"
    AWAITING_MESSAGE_3 = "awaiting message 3"
    ESTABLISHED = "established"
    FAILED = "failed"


class Input(Enumeration):
    """What moves a quick mode."""

    INITIATE = "initiate"
    SA = "HDR*, HASH, SA, Nonce"
    HASH = "HDR*, HASH"
    POLICY_FOUND = "policy found"
    REFUSED = "refused"
    TIMED_OUT = "timed out"


_NOBODY: Final = Identification(0, 0, 0, b"")
"""Whose traffic it is before message 1 has been read."""

_ENDINGS: Final = (Input.REFUSED, Input.TIMED_OUT)


class QuickMode(Exchange, ABC):
    """One quick mode, as one end sees it. `spis` are those that this end took for it."""

    __slots__ = (
        "_choice",
        "_draw",
        "_keys",
        "_message_id",
        "_ni",
        "_nr",
        "_path",
        "_secret",
        "_settings",
        "agreement",
        "is_udp_encapsulated",
        "local_identity",
        "remote_identity",
        "spis",
        "terms",
    )

    role: Role

    def __init__(
        self,
        table: Table,
        state: Enum,
        *,
        keys: Phase1Keys,
        message_id: MessageId,
        path: Path,
        settings: IkeSettings,
        draw: Draw,
        local_identity: Identification,
        remote_identity: Identification,
    ) -> None:
        super().__init__(table, state)
        self._keys = keys
        self._message_id = message_id
        self._path = path
        self._settings = settings
        self._draw = draw
        self._ni = self._nr = self._secret = b""
        self._choice: Choice | None = None
        self.is_udp_encapsulated = False
        self.terms: Terms | None = None
        self.spis: dict[ProtocolId, Spi] = {}
        self.agreement: Agreement | None = None
        self.local_identity = local_identity
        self.remote_identity = remote_identity

    @property
    def awaits_policy(self) -> bool:
        """Whether the policy manager has yet to say on which terms to answer."""
        return self.accepts(Input.POLICY_FOUND)

    @property
    def may_be_established_remotely(self) -> bool:
        """Whether message 2 is out: the initiator is done when it has it, whether or not we ever see message 3."""
        return self.state is ResponderState.AWAITING_MESSAGE_3

    @property
    @abstractmethod
    def protocol(self) -> int:
        """The protocol that a refusal names: the first that was offered."""

    @abstractmethod
    def classify(self, message: Message) -> Input:
        """Return which of the exchange's messages this is by its form."""

    @property
    def _agreed_terms(self) -> Terms:
        assert self.terms is not None, "a step before there are terms"
        return self.terms

    @property
    def _policy(self) -> IpsecPolicy:
        """What may be agreed on: across a translator nothing with AH."""
        policy = self._agreed_terms.policy
        return phase2_proposal.without_ah(policy) if self.is_udp_encapsulated else policy

    @property
    def _manner(self) -> Manner:
        terms = self._agreed_terms
        return Manner(terms.policy.perfect_forward_secrecy, terms.mode, self.is_udp_encapsulated)

    @property
    def _original_addresses(self) -> tuple[NatOa, ...]:
        """The initiator's address and the responder's as this end knows them, where packets need them to be mended."""
        if not self.is_udp_encapsulated or self._agreed_terms.mode is not SaMode.TRANSPORT:
            return ()
        ends = (self._path.local, self._path.remote)
        initiator, responder = ends if self.role is Role.INITIATOR else ends[::-1]
        return NatOa(initiator.address), NatOa(responder.address)

    # Hashes

    def _verify(self, message: Message, expected: bytes) -> None:
        """Check the hash of a message, which stands first."""
        proof = message.payloads[0] if message.payloads else None
        if not isinstance(proof, Hash) or not hashes.is_same(expected, proof.value):
            raise Discarded(DropReason.AUTHENTICATION_FAILED)

    def _hash_1(self, payloads: bytes) -> bytes:
        return auth.hash_1(self._keys, self._message_id, payloads)

    def _hash_2(self, payloads: bytes) -> bytes:
        return auth.hash_2(self._keys, self._message_id, self._ni, payloads)

    @property
    def _hash_3(self) -> bytes:
        return auth.hash_3(self._keys, self._message_id, self._ni, self._nr)

    # Perfect forward secrecy and keys

    def _draw_exponent(self) -> bytes:
        return self._draw("exponent", self._settings.exponent_octets)

    def _share(self, group: DhGroup, exponent: bytes, public: bytes) -> None:
        """Derive g(qm)^xy. Refuses a public value that no honest peer sends."""
        try:
            self._secret = diffie_hellman.shared_secret(group, exponent, public)
        except diffie_hellman.InvalidPublicValue:
            raise invalid_key() from None

    def _agree(self) -> None:
        """Derive the keys of what was chosen."""
        choice = self._choice
        assert choice is not None, "keys before a choice"
        seed = Phase2Seed(self._keys.phase2_prf(), self._secret, self._ni, self._nr)
        inbound = material(choice.proposal, self.spis, seed)
        outbound = material(choice.proposal, choice.peer_spis, seed)
        mode, is_encapsulated = self._agreed_terms.mode, self.is_udp_encapsulated
        self.agreement = Agreement(choice.proposal, mode, inbound, outbound, is_encapsulated)
        self._secret = b""


class QuickModeInitiator(QuickMode):
    """The end that sends messages 1 and 3."""

    __slots__ = ("_exponent", "_offered")

    role = Role.INITIATOR

    def __init__(
        self,
        *,
        terms: Terms,
        keys: Phase1Keys,
        message_id: MessageId,
        path: Path,
        settings: IkeSettings,
        draw: Draw,
    ) -> None:
        super().__init__(
            INITIATOR,
            InitiatorState.START,
            keys=keys,
            message_id=message_id,
            path=path,
            settings=settings,
            draw=draw,
            local_identity=identity.identification(terms.local_identity),
            remote_identity=identity.identification(terms.remote_identity),
        )
        self.terms = terms
        self._exponent = b""
        self._offered = SecurityAssociation(())

    @property
    def protocol(self) -> int:
        """The protocol of the first proposal."""
        return self._offered.proposals[0].protocol

    def classify(self, message: Message) -> Input:
        """Return which message this is."""
        return Input.SA

    def on_initiate(self) -> Reply:
        """Make message 1."""
        terms, policy = self._agreed_terms, self._policy
        if not policy.proposals:
            raise nat_with_ah()
        self.spis = {protocol: terms.allocate_spi() for protocol in phase2_proposal.protocols(policy)}
        self._offered = phase2_proposal.offer(policy, self._manner, self.spis)
        self._ni = self._draw("nonce", self._settings.nonce_octets)
        exchange: tuple[Payload, ...] = ()
        group = terms.policy.perfect_forward_secrecy
        if group is not None:
            self._exponent = self._draw_exponent()
            exchange = (KeyExchange(diffie_hellman.public_value(group, self._exponent)),)
        offered = RawPayload(PayloadType.SECURITY_ASSOCIATION, self._offered.encode())
        identities = (self.local_identity, self.remote_identity)
        payloads = (offered, Nonce(self._ni), *exchange, *identities, *self._original_addresses)
        return proven(payloads, self._hash_1)

    def on_message_2(self, message: Message) -> Reply:
        """Take the responder's choice, derive the keys, and make message 3."""
        self._verify(message, self._hash_2(message.rest))
        policy = self._policy
        answer = message.only(SecurityAssociation)
        choice = phase2_proposal.accepted(answer, self._offered, policy, self._manner)
        if choice is None:
            raise no_proposal_chosen()
        if message.find(Identification) not in ((), (self.local_identity, self.remote_identity)):
            raise invalid_identity()
        said = notified(message.find(Notification), choice.peer_spis)
        if said is not None:
            choice = choice._replace(proposal=phase2_proposal.shortened(choice.proposal, said))
        self._choice = choice
        self._nr = message.only(Nonce).value
        if policy.perfect_forward_secrecy is not None:
            self._share(policy.perfect_forward_secrecy, self._exponent, message.only(KeyExchange).value)
            self._exponent = b""
        self._agree()
        return Reply((Hash(self._hash_3),), is_encrypted=True)


class QuickModeResponder(QuickMode):
    """The end that sends message 2."""

    __slots__ = ("_identities", "_offered", "_peer_public")

    role = Role.RESPONDER

    def __init__(
        self, *, keys: Phase1Keys, message_id: MessageId, path: Path, settings: IkeSettings, draw: Draw
    ) -> None:
        super().__init__(
            RESPONDER,
            ResponderState.AWAITING_MESSAGE_1,
            keys=keys,
            message_id=message_id,
            path=path,
            settings=settings,
            draw=draw,
            local_identity=_NOBODY,
            remote_identity=_NOBODY,
        )
        self._offered = SecurityAssociation(())
        self._identities: tuple[Identification, ...] = ()
        self._peer_public: bytes | None = None

    @property
    def protocol(self) -> int:
        """The protocol of the first proposal."""
        return self._offered.proposals[0].protocol if self._offered.proposals else ProtocolId.ESP

    @property
    def request(self) -> Request:
        """What the initiator wants protected; without identities, the traffic of the two ends themselves."""
        return Request(identity.traffic(self.local_identity), identity.traffic(self.remote_identity))

    def classify(self, message: Message) -> Input:
        """Return which of the initiator's two messages this is."""
        return Input.SA if message.has(SecurityAssociation) else Input.HASH

    def on_message_1(self, message: Message) -> None:
        """Keep what is offered until there are terms to judge it by."""
        self._verify(message, self._hash_1(message.rest))
        self._offered = message.only(SecurityAssociation)
        self._ni = message.only(Nonce).value
        self._identities = message.find(Identification)
        self.remote_identity, self.local_identity = self._identities_of_traffic()
        if message.has(KeyExchange):
            self._peer_public = message.only(KeyExchange).value

    def _identities_of_traffic(self) -> tuple[Identification, ...]:
        """Return the identities that were sent; without them, those of the two ends, the initiator's first."""
        if not self._identities:
            return auth.address_identity(self._path.remote.address), auth.address_identity(self._path.local.address)
        if len(self._identities) != 2:
            raise MalformedMessage(NotifyType.PAYLOAD_MALFORMED, f"{len(self._identities)} identities")
        return self._identities

    def on_policy(self, terms: Terms) -> Reply:
        """Choose from the offer, and make message 2."""
        self.terms = terms
        self._choice = choice = phase2_proposal.choose(self._offered, self._policy, self._manner)
        group = terms.policy.perfect_forward_secrecy
        if choice is None and self._policy != terms.policy and phase2_proposal.needs_ah(self._offered):
            raise nat_with_ah()
        if choice is None or (group is None) != (self._peer_public is None):
            raise no_proposal_chosen()
        self.spis = {protocol: terms.allocate_spi() for protocol in choice.peer_spis}
        self._nr = self._draw("nonce", self._settings.nonce_octets)
        exchange = self._answer_key_exchange(group)
        answer = RawPayload(PayloadType.SECURITY_ASSOCIATION, choice.answer(self.spis).encode())
        notice = self._lifetime_notice(choice)
        payloads = (answer, Nonce(self._nr), *exchange, *self._identities, *self._original_addresses, *notice)
        return proven(payloads, self._hash_2)

    def _answer_key_exchange(self, group: DhGroup | None) -> tuple[Payload, ...]:
        if group is None or self._peer_public is None:
            return ()
        exponent = self._draw_exponent()
        own = KeyExchange(diffie_hellman.public_value(group, exponent))
        self._share(group, exponent, self._peer_public)
        return (own,)

    def _lifetime_notice(self, choice: Choice) -> tuple[Notification, ...]:
        """Return what the initiator must be told of the lifetimes that were agreed on, if anything."""
        if not choice.is_shortened:
            return ()
        lifetimes = phase2_proposal.lifetimes_of(choice.proposal)
        return tuple(responder_lifetime(protocol, spi.to_bytes(4), lifetimes) for protocol, spi in self.spis.items())

    def on_message_3(self, message: Message) -> None:
        """Know that the initiator is alive and has what we have."""
        self._verify(message, self._hash_3)
        self._agree()


INITIATOR: Final[Table] = MappingProxyType(
    {
        (InitiatorState.START, Input.INITIATE): Step(QuickModeInitiator.on_initiate, InitiatorState.AWAITING_MESSAGE_2),
        (InitiatorState.AWAITING_MESSAGE_2, Input.SA): Step(
            QuickModeInitiator.on_message_2, InitiatorState.ESTABLISHED
        ),
        (InitiatorState.START, Input.REFUSED): Step(None, InitiatorState.FAILED),
        **failing((InitiatorState.AWAITING_MESSAGE_2,), _ENDINGS, InitiatorState.FAILED),
    }
)

RESPONDER: Final[Table] = MappingProxyType(
    {
        (ResponderState.AWAITING_MESSAGE_1, Input.SA): Step(
            QuickModeResponder.on_message_1, ResponderState.AWAITING_POLICY
        ),
        (ResponderState.AWAITING_POLICY, Input.POLICY_FOUND): Step(
            QuickModeResponder.on_policy, ResponderState.AWAITING_MESSAGE_3
        ),
        (ResponderState.AWAITING_MESSAGE_3, Input.HASH): Step(
            QuickModeResponder.on_message_3, ResponderState.ESTABLISHED
        ),
        (ResponderState.AWAITING_MESSAGE_1, Input.REFUSED): Step(None, ResponderState.FAILED),
        **failing((ResponderState.AWAITING_POLICY, ResponderState.AWAITING_MESSAGE_3), _ENDINGS, ResponderState.FAILED),
    }
)

_MESSAGES: Final = (Input.SA, Input.HASH)

REJECTED: Final[frozenset[tuple[Enum, Enum]]] = frozenset(
    {
        *product((InitiatorState.START,), (*_MESSAGES, Input.POLICY_FOUND, Input.TIMED_OUT)),
        *product((InitiatorState.AWAITING_MESSAGE_2,), (Input.INITIATE, Input.HASH, Input.POLICY_FOUND)),
        *product((InitiatorState.ESTABLISHED, InitiatorState.FAILED), Input),
        *product(
            (ResponderState.AWAITING_MESSAGE_1,), (Input.INITIATE, Input.HASH, Input.POLICY_FOUND, Input.TIMED_OUT)
        ),
        *product((ResponderState.AWAITING_POLICY,), (Input.INITIATE, *_MESSAGES)),
        *product((ResponderState.AWAITING_MESSAGE_3,), (Input.INITIATE, Input.SA, Input.POLICY_FOUND)),
        *product((ResponderState.ESTABLISHED, ResponderState.FAILED), Input),
    }
)
"""Every pair that no table has, written out: an input that is new must be put somewhere."""
