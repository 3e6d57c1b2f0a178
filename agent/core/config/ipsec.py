"""What IPsec is configured with: proposals, policies, and security associations with or without negotiation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Final

from agent.core.config.ike import DhGroup, EncryptionAlgorithm
from agent.core.enumeration import Enumeration
from agent.core.identifiers import Address

LEAST_SPI: Final = 256
"""SPIs below are reserved (RFC 2406 sec. 2.1)."""


class IpsecProtocol(Enumeration):
    """What protects the traffic; a bundle is ESP within AH: the one encrypts, the other authenticates."""

    ESP = "esp"
    AH = "ah"
    BUNDLE = "bundle"


class IpsecAuthentication(Enumeration):
    """Authentication of packets (RFC 2403, 2404)."""

    HMAC_MD5_96 = "hmac-md5-96"
    HMAC_SHA1_96 = "hmac-sha1-96"


class SaMode(Enumeration):
    """Whether whole packets are protected, between gateways, or what they carry, between hosts."""

    TUNNEL = "tunnel"
    TRANSPORT = "transport"


class Direction(Enumeration):
    """Which packets an SA is for."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class ManualDirection(Enumeration):
    """Which packets configured keys are for."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    BIDIRECTIONAL = "bidirectional"


AUTHENTICATION_KEY_OCTETS: Final[Mapping[IpsecAuthentication, int]] = MappingProxyType(
    {IpsecAuthentication.HMAC_MD5_96: 16, IpsecAuthentication.HMAC_SHA1_96: 20}
)
ENCRYPTION_KEY_OCTETS: Final[Mapping[EncryptionAlgorithm, int]] = MappingProxyType(
    {EncryptionAlgorithm.DES_CBC: 8, EncryptionAlgorithm.TRIPLE_DES_CBC: 24}
)


@dataclass(frozen=True, slots=True)
class IpsecProposal:
    """One way of protection that quick mode may agree on, and how long its keys last."""

    name: str
    protocol: IpsecProtocol
    authentication_algorithm: IpsecAuthentication | None
    encryption_algorithm: EncryptionAlgorithm | None
    lifetime_seconds: int = 28800
    lifetime_kilobytes: int | None = None

    def __hash__(self) -> int:
        # What is equal has one name, and what is remembered of proposals is looked up in each negotiation.
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class IpsecPolicy:
    """What quick mode may agree on, the most wanted first."""

    name: str
    proposals: tuple[IpsecProposal, ...]
    perfect_forward_secrecy: DhGroup | None = None


@dataclass(frozen=True, slots=True)
class TrafficIdentity:
    """The traffic at one end: addresses, and of it an IP protocol and a port, where these are not 0 (any)."""

    network: IPv4Network | IPv6Network
    protocol: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True)
class ManualAuthentication:
    """A configured key for authentication."""

    algorithm: IpsecAuthentication
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManualEncryption:
    """A configured key for encryption."""

    algorithm: EncryptionAlgorithm
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ManualKeys:
    """The parameters of a direction, or of both; `spi` is ESP's in a bundle, `auxiliary_spi` AH's."""

    direction: ManualDirection
    protocol: IpsecProtocol
    spi: int
    auxiliary_spi: int | None
    authentication: ManualAuthentication | None
    encryption: ManualEncryption | None


@dataclass(frozen=True, slots=True)
class ManualSa:
    """Keying by configuration; the addresses are those of transport mode, in which no tunnel has any."""

    keys: tuple[ManualKeys, ...]
    local_address: Address | None = None
    remote_address: Address | None = None


@dataclass(frozen=True, slots=True)
class DynamicSa:
    """Keying by IKE. A replay window of 0 packets is none; an absent identity is all traffic."""

    policy: IpsecPolicy
    replay_window_size: int = 0
    local_identity: TrafficIdentity | None = None
    remote_identity: TrafficIdentity | None = None


@dataclass(frozen=True, slots=True)
class SecurityAssociationConfig:
    """A security association by its name: a pair, however it comes by its keys."""

    name: str
    mode: SaMode
    keying: ManualSa | DynamicSa

    @property
    def is_dynamic(self) -> bool:
        """Whether IKE negotiates it."""
        return isinstance(self.keying, DynamicSa)
