"""Every event a device emits, and the reasons they carry.

Events are frozen values in the past tense; `at` is the device time in microseconds. The values of the enumerations are
the spellings of the published YANG modules, so that a reason is rendered by its value alone.
"""

from dataclasses import dataclass

from agent.core.enumeration import Enumeration
from agent.core.identifiers import Address, Cookie, Endpoint, EntryId, IkeSaId, Spi


class DropReason(Enumeration):
    """Why a received datagram was dropped."""

    MALFORMED_MESSAGE = "malformed-message"
    UNSUPPORTED_VERSION = "unsupported-version"
    UNSUPPORTED_EXCHANGE = "unsupported-exchange"
    UNKNOWN_COOKIE = "unknown-cookie"
    NO_POLICY = "no-policy"
    UNEXPECTED_MESSAGE = "unexpected-message"
    DECRYPTION_FAILED = "decryption-failed"
    AUTHENTICATION_FAILED = "authentication-failed"
    INVALID_KEY = "invalid-key"
    HALF_OPEN_LIMIT = "half-open-limit"
    REPLAYED_MESSAGE = "replayed-message"


class FailureReason(Enumeration):
    """Why a negotiation ended without an IKE SA."""

    TIMEOUT = "timeout"
    NO_PROPOSAL_CHOSEN = "no-proposal-chosen"
    AUTHENTICATION_FAILED = "authentication-failed"
    INVALID_KEY = "invalid-key"
    INVALID_IDENTITY = "invalid-identity"
    MALFORMED_MESSAGE = "malformed-message"
    NO_POLICY = "no-policy"
    NAT_WITH_AH = "nat-with-ah"
    CLEARED = "cleared"
    RECONFIGURED = "reconfigured"


class DeletionReason(Enumeration):
    """Why an established IKE SA was deleted."""

    LIFETIME_EXPIRED = "lifetime-expired"
    REPLACED = "replaced"
    CLEARED = "cleared"
    PEER_DELETED = "peer-deleted"
    INITIAL_CONTACT = "initial-contact"
    PEER_UNREACHABLE = "peer-unreachable"
    RECONFIGURED = "reconfigured"


class IpsecDeletionReason(Enumeration):
    """Why a pair of IPsec SAs was deleted."""

    REPLACED = "replaced"
    EXPIRED = "expired"
    CLEARED = "cleared"
    PEER_DELETED = "peer-deleted"
    RECONFIGURED = "reconfigured"
    INTERFACE_DOWN = "interface-down"
    PEER_UNREACHABLE = "peer-unreachable"
    SWITCHED = "switched"


class LifetimeKind(Enumeration):
    """Which of its two lifetimes a pair has come to the end of: the soft one calls for a successor."""

    SOFT = "soft"
    HARD = "hard"


class Outcome(Enumeration):
    """How a negotiation ended, as the statistics count it."""

    ESTABLISHED = "established"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    AUTHENTICATION_FAILED = "authentication-failed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IkeSaEstablished:
    """Phase 1 came to its end: the peer is authenticated and the IKE SA is in use."""

    at: int
    sa_id: IkeSaId
    remote_address: Address
    initiator_cookie: Cookie
    responder_cookie: Cookie


@dataclass(frozen=True, slots=True)
class IkeSaDeleted:
    """An established IKE SA is gone."""

    at: int
    sa_id: IkeSaId
    remote_address: Address
    initiator_cookie: Cookie
    responder_cookie: Cookie
    reason: DeletionReason


@dataclass(frozen=True, slots=True)
class IkeNegotiationFailed:
    """A phase 1 negotiation ended without an IKE SA.

    `sa_id` is None when it ended before there was anything to number.
    """

    at: int
    sa_id: IkeSaId | None
    remote_address: Address
    initiator_cookie: Cookie
    responder_cookie: Cookie
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class IkeSaChanged:
    """An IKE SA, or a negotiation that is to become one, came or went, or has other cookies, ends or algorithms."""

    at: int
    sa_id: IkeSaId
    remote_address: Address


@dataclass(frozen=True, slots=True)
class PeerUnreachable:
    """A peer stopped answering."""

    at: int
    remote_address: Address


@dataclass(frozen=True, slots=True)
class PeerReachable:
    """A peer that had been unreachable answered again."""

    at: int
    remote_address: Address


@dataclass(frozen=True, slots=True)
class DatagramDropped:
    """A received datagram was dropped and changed nothing else."""

    at: int
    source: Endpoint
    reason: DropReason


@dataclass(frozen=True, slots=True)
class IpsecSaInstalled:
    """A pair of IPsec SAs is in the database."""

    at: int
    name: str
    inbound_spi: Spi
    outbound_spi: Spi


@dataclass(frozen=True, slots=True)
class IpsecSaRekeyed:
    """A pair has a successor, which is in use from now on."""

    at: int
    name: str
    old_inbound_spi: Spi
    new_inbound_spi: Spi
    old_outbound_spi: Spi
    new_outbound_spi: Spi


@dataclass(frozen=True, slots=True)
class IpsecSaExpired:
    """A lifetime of a pair is over."""

    at: int
    name: str
    inbound_spi: Spi
    outbound_spi: Spi
    lifetime: LifetimeKind


@dataclass(frozen=True, slots=True)
class IpsecSaDeleted:
    """A pair is gone from the database."""

    at: int
    name: str
    inbound_spi: Spi
    outbound_spi: Spi
    reason: IpsecDeletionReason


@dataclass(frozen=True, slots=True)
class IpsecNegotiationFailed:
    """A phase 2 negotiation for a security association ended without a pair."""

    at: int
    name: str
    remote_address: Address
    reason: FailureReason


class RevocationReason(Enumeration):
    """Why a certificate was revoked (RFC 5280 section 5.3.1)."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "key-compromise"
    CA_COMPROMISE = "ca-compromise"
    AFFILIATION_CHANGED = "affiliation-changed"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessation-of-operation"
    CERTIFICATE_HOLD = "certificate-hold"
    REMOVE_FROM_CRL = "remove-from-crl"
    PRIVILEGE_WITHDRAWN = "privilege-withdrawn"
    AA_COMPROMISE = "aa-compromise"


@dataclass(frozen=True, slots=True)
class CertificateExpiring:
    """A certificate of the database ends soon: at `not_after`, device time in microseconds."""

    at: int
    id: EntryId
    serial: int
    subject: str
    not_after: int


@dataclass(frozen=True, slots=True)
class CertificateExpired:
    """The validity of a certificate of the database is over."""

    at: int
    id: EntryId
    serial: int
    subject: str
    not_after: int


@dataclass(frozen=True, slots=True)
class CertificateRevoked:
    """A certificate of the database is on its issuer's revocation list; `revoked_at` is what the list says."""

    at: int
    id: EntryId
    serial: int
    subject: str
    issuer: str
    reason: RevocationReason
    revoked_at: int


@dataclass(frozen=True, slots=True)
class CrlUpdated:
    """A revocation list came into the database, the first of its issuer or a newer one."""

    at: int
    id: EntryId
    issuer: str
    this_update: int
    next_update: int | None


@dataclass(frozen=True, slots=True)
class CertificateDatabaseChanged:
    """Entries of the certificate database came, went, or changed what they are: what is kept of it is out of date."""

    at: int


class RedundancyState(Enumeration):
    """What one of two does that stand in for each other. A peer is never offline here: it is in use, or it is not."""

    ACTIVE = "active"
    STANDBY = "standby"
    OFFLINE = "offline"


class SwitchReason(Enumeration):
    """Why the other of two was switched to."""

    MANUAL = "manual"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class PicStateChanged:
    """An encryption services PIC is in another state; one that boots or is faulty is offline."""

    at: int
    interface: str
    state: RedundancyState


@dataclass(frozen=True, slots=True)
class InterfacesChanged:
    """PICs carry other units than before, or families of them are up or down that were not."""

    at: int


@dataclass(frozen=True, slots=True)
class InterfaceSwitched:
    """The other PIC of a pair has become Active and inherited the security associations."""

    at: int
    primary_interface: str
    from_interface: str
    to_interface: str
    reason: SwitchReason
    failure_counter: int


@dataclass(frozen=True, slots=True)
class TunnelSwitched:
    """The tunnel of a security association leads to its other peer from now on, with which all is negotiated anew."""

    at: int
    security_association: str
    from_address: Address
    to_address: Address
    reason: SwitchReason
    failure_counter: int
