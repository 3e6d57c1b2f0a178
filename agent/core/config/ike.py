"""What phase 1 is configured with: proposals, a policy for each peer, and how the engine behaves towards everybody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.core.enumeration import Enumeration
from agent.core.identifiers import Address, kept
from agent.core.world import SECOND

IKE_PORT: Final = 500
NAT_PORT: Final = 4500

DEAD_PEER_DETECTION_VENDOR_ID: Final = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
"""Announces version 1.0 of dead peer detection (RFC 3706 sec. 5.1)."""
NAT_TRAVERSAL_VENDOR_ID: Final = bytes.fromhex("4a131c81070358455c5728f20e95452f")
"""Announces NAT traversal: MD5 of 'RFC 3947' (RFC 3947 sec. 3.1)."""


class ExchangeMode(Enumeration):
    """Phase 1 exchange of a policy."""

    MAIN = "main"
    AGGRESSIVE = "aggressive"


class AuthenticationMethod(Enumeration):
    """How the ends of an IKE SA prove who they are."""

    PRE_SHARED_KEYS = "pre-shared-keys"


class HashAlgorithm(Enumeration):
    """Hash of a proposal; its HMAC is the pseudo-random function."""

    MD5 = "md5"
    SHA1 = "sha1"


class EncryptionAlgorithm(Enumeration):
    """Cipher of a proposal."""

    DES_CBC = "des-cbc"
    TRIPLE_DES_CBC = "3des-cbc"


class DhGroup(Enumeration):
    """Diffie-Hellman group of a proposal: group 1 has 768 bits, group 2 has 1024."""

    GROUP1 = "group1"
    GROUP2 = "group2"


@dataclass(frozen=True, slots=True)
class IkeProposal:
    """One set of algorithms that phase 1 may agree on, and how long its keys last."""

    name: str
    authentication_method: AuthenticationMethod
    authentication_algorithm: HashAlgorithm
    encryption_algorithm: EncryptionAlgorithm
    dh_group: DhGroup
    lifetime_seconds: int = 3600
    lifetime_kilobytes: int | None = None

    def __hash__(self) -> int:
        # What is equal has one name, and what is remembered of proposals is looked up in each negotiation.
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class DeadPeerDetection:
    """When to probe a silent peer, and when to give it up."""

    interval_seconds: int = 10
    retries: int = 2
    retry_interval_seconds: int = 2


@dataclass(frozen=True, slots=True)
class IkePolicy:
    """How to negotiate with one peer.

    `local_identity` and `remote_identity` are bodies of identification payloads (RFC 2407 sec. 4.6.2): what we say we
    are (None: our address), and what the peer must say it is (None: its address, or any identity that is not an
    address).
    """

    peer_address: Address
    mode: ExchangeMode
    proposals: tuple[IkeProposal, ...]
    pre_shared_key: bytes = field(repr=False)
    remote_port: int = IKE_PORT
    remote_nat_port: int = NAT_PORT
    dead_peer_detection: DeadPeerDetection | None = None
    local_identity: bytes | None = None
    remote_identity: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "peer_address", kept(self.peer_address))


@dataclass(frozen=True, slots=True)
class IkeConfig:
    """The IKE policies of a device, one per peer address."""

    policies: tuple[IkePolicy, ...] = ()
    _by_address: Mapping[Address, IkePolicy] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_address = {policy.peer_address: policy for policy in self.policies}
        if len(by_address) != len(self.policies):
            raise ValueError("two policies name one peer address")
        object.__setattr__(self, "_by_address", by_address)

    def policy_for(self, address: Address) -> IkePolicy | None:
        """Return the policy whose peer has this address."""
        return self._by_address.get(address)


@dataclass(frozen=True, slots=True)
class Retransmission:
    """When an unanswered message is sent again.

    After `first_interval_us`, then each time `backoff` times later, `limit` times in all.
    """

    first_interval_us: int = 1 * SECOND
    backoff: float = 2.0
    limit: int = 4
    span_us: int = field(init=False, compare=False)
    """How long a message can be retransmitted, the last wait included: after this the other end has given up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "span_us", sum(self.interval_us(attempt) for attempt in range(self.limit + 1)))

    def interval_us(self, attempt: int) -> int:
        """Return how long to wait after the transmission number `attempt` (0 is the first)."""
        return int(self.first_interval_us * self.backoff**attempt)


@dataclass(frozen=True, slots=True)
class IkeSettings:
    """How an IKE engine behaves towards everybody, beside its policies.

    `vendor_ids` are announced in this order: an extension whose own is not among them is not used. `reply_memory` is
    how many received messages an IKE SA remembers to know a replay. The half-open limits count negotiations that others
    started and that have not been authenticated. Behind a translator something is sent at least once in
    `nat_keepalive_us`. The engine is reached on `local_port` and `local_nat_port`. Where `pairs_end_with_ike_sa`, peers
    are taken to drop the IPsec SAs that were negotiated under an IKE SA together with it. The policy manager takes
    `decision_us` to decide what a peer asks for. A private value of Diffie-Hellman is good for `exponent_uses`
    negotiations of phase 1, within `exponent_lifetime_us`; 1: for no other.
    """

    vendor_ids: tuple[bytes, ...] = (DEAD_PEER_DETECTION_VENDOR_ID, NAT_TRAVERSAL_VENDOR_ID)
    force_nat_detection: bool = False
    retransmission: Retransmission = Retransmission()
    phase1_timeout_us: int = 60 * SECOND
    phase2_timeout_us: int = 60 * SECOND
    nat_keepalive_us: int = 20 * SECOND
    half_open_limit: int = 1000
    half_open_limit_per_peer: int = 20
    reply_memory: int = 16
    nonce_octets: int = 32
    exponent_octets: int = 32
    exponent_uses: int = 1
    exponent_lifetime_us: int = 60 * SECOND
    local_port: int = IKE_PORT
    local_nat_port: int = NAT_PORT
    pairs_end_with_ike_sa: bool = False
    decision_us: int = 0
