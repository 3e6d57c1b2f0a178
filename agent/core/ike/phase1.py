"""What every phase 1 exchange with a pre-shared key has in common (RFC 2409 sec. 5).

Key exchange, hashes, identities, vendor IDs and NAT-D are here; which message carries what is in the exchanges' own
modules. After each step the IKE SA reads the outcome: cookies, proposal, keys, what the peer knows of the extensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from agent.core.config import (
    DEAD_PEER_DETECTION_VENDOR_ID,
    NAT_TRAVERSAL_VENDOR_ID,
    DhGroup,
    ExchangeMode,
    IkePolicy,
    IkeProposal,
    IkeSettings,
)
from agent.core.crypto import diffie_hellman, hashes
from agent.core.enumeration import Enumeration
from agent.core.events import DropReason
from agent.core.identifiers import Endpoint
from agent.core.ike import auth, keymat, natt, proposal
from agent.core.ike.exchange import Exchange, Table
from agent.core.ike.exponents import Exponents
from agent.core.ike.lifetime import notified, responder_lifetime
from agent.core.ike.message import CookiePair, Message
from agent.core.ike.numbers import ExchangeType, NotifyType, PayloadType, ProtocolId
from agent.core.ike.payloads import (
    Hash,
    Identification,
    KeyExchange,
    NatD,
    Nonce,
    Notification,
    Payload,
    RawPayload,
    VendorId,
)
from agent.core.ike.refusal import authentication_failed, invalid_identity, invalid_key, no_proposal_chosen
from agent.core.ike.security_association import SecurityAssociation

Draw = Callable[[str, int], bytes]
"""Draws octets of entropy for a purpose, such as 'exponent', 'nonce', 'nat-d' and 'message-id'."""


class Role(Enumeration):
    """The part an end plays in an IKE SA."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


class Input(Enumeration):
    """What moves a phase 1 exchange. Messages go by the payloads that make them out in RFC 2409 sec. 5.4."""

    INITIATE = "initiate"
    SA = "HDR, SA"
    KE = "HDR, KE, Nonce"
    ID = "HDR*, ID, HASH"
    HASH = "HDR, HASH"
    POLICY_FOUND = "policy found"
    REFUSED = "refused"
    TIMED_OUT = "timed out"


ENDINGS: Final = (Input.REFUSED, Input.TIMED_OUT)
"""What ends a negotiation without an IKE SA."""


class Phase1(Exchange, ABC):
    """One phase 1 negotiation, as one end sees it."""

    __slots__ = (
        "_draw",
        "_exponent",
        "_exponents",
        "_own_end",
        "_own_nonce",
        "_own_public",
        "_peer_end",
        "_sa_body",
        "_settings",
        "_viewed",
        "cookies",
        "is_initial_contact",
        "is_lifetime_shortened",
        "keys",
        "knows_dead_peer_detection",
        "knows_nat_traversal",
        "nat",
        "peer_identity",
        "policy",
        "proposal",
    )

    mode: ExchangeMode
    exchange_type: ExchangeType
    role: Role

    def __init__(
        self, table: Table, state: Enum, *, cookies: CookiePair, settings: IkeSettings, draw: Draw, exponents: Exponents
    ) -> None:
        super().__init__(table, state)
        self.cookies = cookies
        self._exponents = exponents
        self._settings = settings
        self._draw = draw
        self._exponent = self._own_nonce = self._own_public = self._sa_body = b""
        self.policy: IkePolicy | None = None
        self.proposal: IkeProposal | None = None
        self.keys: keymat.Phase1Keys | None = None
        self.nat = natt.NO_NAT
        self._viewed: tuple[tuple[CookiePair, natt.Path], natt.View] | None = None
        self.peer_identity: bytes | None = None
        self.knows_dead_peer_detection = False
        self.knows_nat_traversal = False
        self.is_initial_contact = False
        self.is_lifetime_shortened = False

    @property
    def awaits_policy(self) -> bool:
        """Whether the policy manager has yet to say by which policy to answer."""
        return self.accepts(Input.POLICY_FOUND)

    @property
    @abstractmethod
    def is_established(self) -> bool:
        """Whether the peer has been authenticated."""

    @property
    def may_be_established_remotely(self) -> bool:
        """Whether the peer may have authenticated us before we authenticated it."""
        return False

    @property
    def is_trusted_remotely(self) -> bool:
        """Whether a peer with another key would have given up by now, so that nothing unreadable can be from it."""
        return False

    @property
    @abstractmethod
    def retransmits(self) -> bool:
        """Whether it is for this end to ask again until the message it sent last is answered."""

    @property
    @abstractmethod
    def answers_duplicates(self) -> bool:
        """Whether what this end sends is an answer, due again whenever the peer's message comes again."""

    @property
    def notices(self) -> tuple[Notification, ...]:
        """What the peer has to be told as soon as there is an IKE SA to tell it under."""
        return ()

    @abstractmethod
    def classify(self, message: Message) -> Input | None:
        """Return which of the exchange's messages this is by its form, or None."""

    # Vendor IDs and NAT-D

    def _vendor_ids(self) -> tuple[VendorId, ...]:
        return tuple(VendorId(value) for value in self._settings.vendor_ids)

    def _note_vendor_ids(self, message: Message) -> None:
        """Learn from the peer's vendor IDs: an extension is in use when both ends announced it."""
        own, theirs = self._settings.vendor_ids, [each.value for each in message.find(VendorId)]
        both = [value for value in own if value in theirs]
        self.knows_dead_peer_detection = DEAD_PEER_DETECTION_VENDOR_ID in both
        self.knows_nat_traversal = NAT_TRAVERSAL_VENDOR_ID in both

    def _nat_payloads(self, path: natt.Path) -> tuple[NatD, ...]:
        """Return our NAT-D payloads: the peer's endpoint first, then our own (RFC 3947 sec. 3.2)."""
        if not self.knows_nat_traversal:
            return ()
        source, destination = self._view(path)
        if self._settings.force_nat_detection:
            # A hash that fits no endpoint: the peer must take us for one behind a translator.
            source = NatD(self._draw("nat-d", len(source.value)))
        return destination, source

    def floated(self, path: natt.Path) -> natt.Path:
        """Return where an initiator goes on when there is a translator: away from port 500 (RFC 3947 sec. 4)."""
        local = Endpoint(path.local.address, self._settings.local_nat_port)
        return natt.Path(local, Endpoint(path.remote.address, self._agreed_policy.remote_nat_port))

    def _detect_nat(self, message: Message, path: natt.Path) -> None:
        if self.knows_nat_traversal:
            received = message.find(NatD)
            self.nat = natt.detect(self._view(path), received)
            if self._settings.force_nat_detection and received:
                self.nat = natt.NatDetection(True, self.nat.is_remote_behind_nat)

    def _view(self, path: natt.Path) -> natt.View:
        """Return the NAT-D payloads of a path, which are needed twice: to say how it looks, and to hear."""
        subject = self.cookies, path
        if self._viewed is None or self._viewed[0] != subject:
            self._viewed = subject, natt.view(self._agreed.authentication_algorithm, *subject)
        return self._viewed[1]

    # Key exchange

    @property
    def _agreed(self) -> IkeProposal:
        assert self.proposal is not None, "a step before the proposal was agreed"
        return self.proposal

    @property
    def _agreed_policy(self) -> IkePolicy:
        assert self.policy is not None, "a step before the policy was found"
        return self.policy

    def _choose(self, offered: SecurityAssociation, policy: IkePolicy) -> SecurityAssociation:
        """Choose from an offer by a policy, and return the SA payload that says what. Refuses when nothing will do."""
        choice = proposal.choose(offered, policy.proposals)
        if choice is None:
            raise no_proposal_chosen()
        self.policy, self.proposal, self.is_lifetime_shortened = policy, choice.proposal, choice.is_shortened
        return choice.answer

    def _draw_key_exchange(self, group: DhGroup) -> tuple[Payload, ...]:
        """Take a private value, draw our nonce, and return the payloads KE and Nonce."""
        own = self._exponents.take(group)
        self._exponent, self._own_public = own.exponent, own.public
        self._own_nonce = self._draw("nonce", self._settings.nonce_octets)
        return KeyExchange(self._own_public), Nonce(self._own_nonce)

    def _derive_keys(self, message: Message) -> None:
        """Derive the keys from the peer's KE and Nonce. Refuses a public value that no honest peer sends."""
        peer_public, peer_nonce = message.only(KeyExchange).value, message.only(Nonce).value
        try:
            secret = diffie_hellman.shared_secret(self._agreed.dh_group, self._exponent, peer_public)
        except diffie_hellman.InvalidPublicValue:
            raise invalid_key() from None
        is_initiator = self.role is Role.INITIATOR
        own, peer = (self._own_nonce, self._own_public), (peer_nonce, peer_public)
        (ni, gxi), (nr, gxr) = (own, peer) if is_initiator else (peer, own)
        ours, theirs = self.cookies if is_initiator else self.cookies[::-1]
        self._own_end, self._peer_end = auth.End(self._own_public, ours), auth.End(peer_public, theirs)
        key = self._agreed_policy.pre_shared_key
        seed = keymat.KeySeed(key, ni, nr, gxi, gxr, secret, self.cookies)
        self.keys = keymat.derive(self._agreed.authentication_algorithm, self._agreed.encryption_algorithm, seed)
        self._exponent = b""

    # Authentication

    @property
    def _agreed_keys(self) -> keymat.Phase1Keys:
        assert self.keys is not None, "a step before the keys were derived"
        return self.keys

    def _own_identity(self, path: natt.Path) -> Identification:
        """Return who the policy says that we are: our address, unless it says otherwise."""
        named = self._agreed_policy.local_identity
        return auth.address_identity(path.local.address) if named is None else Identification.decode(named)

    def _own_hash(self, identity: Identification) -> Hash:
        """Return the proof that we have the key and are who we say."""
        ends = self._own_end, self._peer_end
        return Hash(auth.phase1_hash(self._agreed_keys, *ends, self._sa_body, identity.encode()))

    def _is_proven(self, identity: Identification, message: Message) -> bool:
        """Say whether the HASH of a message proves that the peer has the key and is who it says."""
        ends = self._peer_end, self._own_end
        expected = auth.phase1_hash(self._agreed_keys, *ends, self._sa_body, identity.encode())
        return hashes.is_same(expected, message.only(Hash).value)

    def _verify(self, identity: Identification, message: Message, path: natt.Path) -> None:
        """Check the peer's HASH, then whether the identity that it covers is one we take."""
        if not self._is_proven(identity, message):
            raise authentication_failed(DropReason.AUTHENTICATION_FAILED)
        self._accept(identity, path)

    def _accept(self, identity: Identification, path: natt.Path) -> None:
        """Refuse an identity that the peer should not have."""
        is_translated = self.nat.is_detected
        if not auth.is_acceptable(identity, self._agreed_policy, path.remote.address, is_behind_nat=is_translated):
            raise invalid_identity()
        self.peer_identity = identity.encode()

    def _lifetime_notice(self) -> tuple[Notification, ...]:
        """Return what the initiator must be told of the lifetime that was agreed on, if anything."""
        if not self.is_lifetime_shortened:
            return ()
        lifetimes = proposal.lifetimes_of(self._agreed)
        return (responder_lifetime(ProtocolId.ISAKMP, self.cookies.spi, lifetimes),)

    def _note_lifetime(self, message: Message) -> None:
        """Use the shorter lifetime that the responder says it uses."""
        said = notified(message.find(Notification), (ProtocolId.ISAKMP,))
        if said is not None:
            self.proposal = proposal.shortened(self._agreed, said)

    def _note_initial_contact(self, message: Message) -> None:
        self.is_initial_contact = any(each.notify == NotifyType.INITIAL_CONTACT for each in message.find(Notification))


class Phase1Initiator(Phase1, ABC):
    """The end that begins, by a policy. `has_other_sa` is asked when its last message is made."""

    __slots__ = ("_has_other_sa",)

    role = Role.INITIATOR

    def __init__(
        self,
        table: Table,
        state: Enum,
        *,
        cookies: CookiePair,
        settings: IkeSettings,
        draw: Draw,
        exponents: Exponents,
        policy: IkePolicy,
        has_other_sa: Callable[[], bool],
    ) -> None:
        super().__init__(table, state, cookies=cookies, settings=settings, draw=draw, exponents=exponents)
        self.policy = policy
        self._has_other_sa = has_other_sa

    def _offer(self, proposals: Sequence[IkeProposal]) -> RawPayload:
        """Return the SA payload with an offer, as octets: the hashes cover what is sent, not what encodes alike."""
        self._sa_body = proposal.offer(proposals).encode()
        return RawPayload(PayloadType.SECURITY_ASSOCIATION, self._sa_body)

    def _take_choice(self, message: Message, offered: Sequence[IkeProposal]) -> None:
        """Take the responder's choice and its cookie, and learn from its vendor IDs. Refuses what was not offered."""
        answer = message.only(SecurityAssociation)
        self.cookies = CookiePair(self.cookies.initiator, message.header.responder_cookie)
        self.proposal = proposal.accepted(answer, offered)
        if self.proposal is None:
            raise no_proposal_chosen()
        self._note_vendor_ids(message)

    def _initial_contact(self) -> tuple[Notification, ...]:
        """Return the notification that we have no other SA with the peer, if that is so (RFC 2407 sec. 4.6.3.3)."""
        if self._has_other_sa():
            return ()
        return (Notification(ProtocolId.ISAKMP, self.cookies.spi, NotifyType.INITIAL_CONTACT),)
