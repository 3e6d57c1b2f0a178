"""What every phase 1 exchange with a pre-shared key has in common (RFC 2409 sec. 5).

Key exchange, hashes, identities, vendor IDs and NAT-D are here; which message carries what is in the exchanges' own
modules. After each step the IKE SA reads the outcome: cookies, proposal, keys, where a translator was found.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Final

from agent.core.config import ExchangeMode, IkePolicy, IkeProposal, IkeSettings
from agent.core.crypto import diffie_hellman, hashes
from agent.core.events import DropReason
from agent.core.identifiers import Cookie
from agent.core.ike import auth, keymat, natt
from agent.core.ike.exchange import Exchange, Table
from agent.core.ike.message import ZERO_COOKIE, CookiePair, Message
from agent.core.ike.numbers import ExchangeType, NotifyType, ProtocolId
from agent.core.ike.payloads import (
    Hash,
    Identification,
    KeyExchange,
    NatD,
    Nonce,
    Notification,
    Payload,
    VendorId,
)
from agent.core.ike.refusal import authentication_failed, invalid_identity, invalid_key

Draw = Callable[[str, int], bytes]
"""Draws octets of entropy for a purpose: 'cookie', 'exponent', 'nonce', 'nat-d', 'message-id'."""

COOKIE_OCTETS: Final = 8


class Role(Enum):
    """The part an end plays in an IKE SA."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


class Input(Enum):
    """What moves a phase 1 exchange. Messages go by the payload that makes them out in RFC 2409 sec. 5.4."""

    INITIATE = "initiate"
    SA = "HDR, SA"
    KE = "HDR, KE, Nonce"
    ID = "HDR*, ID, HASH"
    POLICY_FOUND = "policy found"
    POLICY_REFUSED = "policy refused"
    REFUSED = "refused"
    TIMED_OUT = "timed out"


class Phase1(Exchange, ABC):
    """One phase 1 negotiation, as one end sees it."""

    __slots__ = (
        "_draw",
        "_exponent",
        "_own_nonce",
        "_own_public",
        "_peer_public",
        "_sa_body",
        "_settings",
        "cookies",
        "is_initial_contact",
        "keys",
        "knows_nat_traversal",
        "nat",
        "policy",
        "proposal",
    )

    mode: ExchangeMode
    exchange_type: ExchangeType
    role: Role

    def __init__(self, table: Table, state: Enum, settings: IkeSettings, draw: Draw) -> None:
        super().__init__(table, state)
        self._settings = settings
        self._draw = draw
        self._exponent = self._own_nonce = self._own_public = self._peer_public = self._sa_body = b""
        self.cookies = CookiePair(ZERO_COOKIE, ZERO_COOKIE)
        self.policy: IkePolicy | None = None
        self.proposal: IkeProposal | None = None
        self.keys: keymat.Phase1Keys | None = None
        self.nat = natt.NO_NAT
        self.knows_nat_traversal = False
        self.is_initial_contact = False

    @property
    def awaits_policy(self) -> bool:
        """Whether the policy manager has yet to say by which policy to answer."""
        return False

    @property
    @abstractmethod
    def is_established(self) -> bool:
        """Whether the peer has been authenticated."""

    @property
    def may_be_established_remotely(self) -> bool:
        """Whether the peer may have authenticated us before we authenticated it."""
        return False

    @abstractmethod
    def classify(self, message: Message) -> Input | None:
        """Return which of the exchange's messages this is by its form, or None."""

    def _draw_cookie(self) -> Cookie:
        return Cookie(self._draw("cookie", COOKIE_OCTETS))

    # Vendor IDs and NAT-D

    def _vendor_ids(self) -> tuple[VendorId, ...]:
        return tuple(VendorId(value) for value in self._settings.vendor_ids)

    def _note_vendor_ids(self, message: Message) -> None:
        """Learn from the peer's vendor IDs; NAT traversal is on when both ends announced it (RFC 3947 sec. 3.1)."""
        known = natt.NAT_TRAVERSAL_VENDOR_ID
        self.knows_nat_traversal = known in self._settings.vendor_ids and VendorId(known) in message.payloads

    def _nat_payloads(self, path: natt.Path) -> tuple[NatD, ...]:
        """Return our NAT-D payloads: the peer's endpoint first, then our own (RFC 3947 sec. 3.2)."""
        if not self.knows_nat_traversal:
            return ()
        algorithm = self._agreed.authentication_algorithm
        destination = natt.nat_d(algorithm, self.cookies, path.remote)
        source = natt.nat_d(algorithm, self.cookies, path.local)
        if self._settings.force_nat_detection:
            # A hash that fits no endpoint: the peer must take us for one behind a translator.
            source = NatD(self._draw("nat-d", len(source.value)))
        return destination, source

    def _detect_nat(self, message: Message, path: natt.Path) -> None:
        if self.knows_nat_traversal:
            received = message.find(NatD)
            self.nat = natt.detect(self._agreed.authentication_algorithm, self.cookies, path, received)
            if self._settings.force_nat_detection and received:
                self.nat = natt.NatDetection(True, self.nat.is_remote_behind_nat)

    # Key exchange

    @property
    def _agreed(self) -> IkeProposal:
        assert self.proposal is not None, "a step before the proposal was agreed"
        return self.proposal

    @property
    def _agreed_policy(self) -> IkePolicy:
        assert self.policy is not None, "a step before the policy was found"
        return self.policy

    def _draw_key_exchange(self) -> tuple[Payload, ...]:
        """Draw our private value and our nonce, and return the payloads KE and Nonce."""
        self._exponent = self._draw("exponent", self._settings.exponent_octets)
        self._own_public = diffie_hellman.public_value(self._agreed.dh_group, self._exponent)
        self._own_nonce = self._draw("nonce", self._settings.nonce_octets)
        return KeyExchange(self._own_public), Nonce(self._own_nonce)

    def _derive_keys(self, message: Message) -> None:
        """Derive the keys from the peer's KE and Nonce. Refuses a public value that no honest peer sends."""
        self._peer_public = message.only(KeyExchange).value
        peer_nonce = message.only(Nonce).value
        try:
            secret = diffie_hellman.shared_secret(self._agreed.dh_group, self._exponent, self._peer_public)
        except diffie_hellman.InvalidPublicValue:
            raise invalid_key() from None
        is_initiator = self.role is Role.INITIATOR
        nonces, publics = (self._own_nonce, peer_nonce), (self._own_public, self._peer_public)
        (ni, nr), (gxi, gxr) = (nonces, publics) if is_initiator else (nonces[::-1], publics[::-1])
        key = self._agreed_policy.pre_shared_key
        seed = keymat.KeySeed(key, ni, nr, gxi, gxr, secret, self.cookies)
        self.keys = keymat.derive(self._agreed.authentication_algorithm, self._agreed.encryption_algorithm, seed)
        self._exponent = b""

    # Authentication

    @property
    def _agreed_keys(self) -> keymat.Phase1Keys:
        assert self.keys is not None, "a step before the keys were derived"
        return self.keys

    def _ends(self) -> tuple[auth.End, auth.End]:
        """Return our end and the peer's as the hashes name them."""
        own, peer = self.cookies.initiator, self.cookies.responder
        if self.role is Role.RESPONDER:
            own, peer = peer, own
        return auth.End(self._own_public, own), auth.End(self._peer_public, peer)

    def _prove(self, path: natt.Path) -> tuple[Payload, ...]:
        """Return our ID and HASH."""
        named = self._agreed_policy.local_identity
        identity = auth.address_identity(path.local.address) if named is None else Identification.decode(named)
        own, peer = self._ends()
        value = auth.phase1_hash(self._agreed_keys, own, peer, self._sa_body, identity.encode())
        return identity, Hash(value)

    def _verify(self, message: Message, path: natt.Path) -> None:
        """Check the peer's HASH, then whether the identity that it covers is one we take."""
        identity = message.only(Identification)
        own, peer = self._ends()
        expected = auth.phase1_hash(self._agreed_keys, peer, own, self._sa_body, identity.encode())
        if not hashes.is_same(expected, message.only(Hash).value):
            raise authentication_failed(DropReason.AUTHENTICATION_FAILED)
        is_translated = self.nat.is_detected
        if not auth.is_acceptable(identity, self._agreed_policy, path.remote.address, is_behind_nat=is_translated):
            raise invalid_identity()

    def _initial_contact(self) -> Notification:
        """Return the notification that we have no other SA with the peer (RFC 2407 sec. 4.6.3.3)."""
        return Notification(ProtocolId.ISAKMP, self.cookies.spi, NotifyType.INITIAL_CONTACT)

    def _note_initial_contact(self, message: Message) -> None:
        self.is_initial_contact = any(each.notify == NotifyType.INITIAL_CONTACT for each in message.find(Notification))
