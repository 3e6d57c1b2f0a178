"""Every event a device emits, and the reasons they carry.

Events are frozen values in the past tense; `at` is the device time in microseconds. The values of the enumerations are
the spellings of the published YANG modules, so that a reason is rendered by its value alone.
"""

from dataclasses import dataclass
from enum import Enum

from agent.core.identifiers import Address, Cookie, Endpoint, IkeSaId


class DropReason(Enum):
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


class FailureReason(Enum):
    """Why a negotiation ended without an IKE SA."""

    TIMEOUT = "timeout"
    NO_PROPOSAL_CHOSEN = "no-proposal-chosen"
    AUTHENTICATION_FAILED = "authentication-failed"
    INVALID_KEY = "invalid-key"
    INVALID_IDENTITY = "invalid-identity"
    MALFORMED_MESSAGE = "malformed-message"
    NO_POLICY = "no-policy"
    CLEARED = "cleared"
    RECONFIGURED = "reconfigured"


class DeletionReason(Enum):
    """Why an established IKE SA was deleted."""

    LIFETIME_EXPIRED = "lifetime-expired"
    REPLACED = "replaced"
    CLEARED = "cleared"
    PEER_DELETED = "peer-deleted"
    INITIAL_CONTACT = "initial-contact"
    PEER_UNREACHABLE = "peer-unreachable"
    RECONFIGURED = "reconfigured"


class Outcome(Enum):
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
