"""Frozen values a device is configured with.

The values of the enumerations are the spellings of the published YANG modules. Lifetimes are in seconds, as
configured; everything the engines count time with is in microseconds and says so in its name. `check` says whether a
configuration makes sense as a whole; behind it everything is trusted.
"""

from agent.core.config.certificates import CertificatesConfig, TrustAnchor
from agent.core.config.check import check
from agent.core.config.device import DeviceConfig, UnitReference
from agent.core.config.ike import (
    DEAD_PEER_DETECTION_VENDOR_ID,
    IKE_PORT,
    NAT_PORT,
    NAT_TRAVERSAL_VENDOR_ID,
    AuthenticationMethod,
    DeadPeerDetection,
    DhGroup,
    EncryptionAlgorithm,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
    IkeSettings,
    Retransmission,
)
from agent.core.config.interfaces import EsInterface, InterfaceFamily, Unit, UnitTunnel
from agent.core.config.ipsec import (
    AUTHENTICATION_KEY_OCTETS,
    ENCRYPTION_KEY_OCTETS,
    LEAST_SPI,
    Direction,
    DynamicSa,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualEncryption,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
)

__all__ = [
    "AUTHENTICATION_KEY_OCTETS",
    "DEAD_PEER_DETECTION_VENDOR_ID",
    "ENCRYPTION_KEY_OCTETS",
    "IKE_PORT",
    "LEAST_SPI",
    "NAT_PORT",
    "NAT_TRAVERSAL_VENDOR_ID",
    "AuthenticationMethod",
    "CertificatesConfig",
    "DeadPeerDetection",
    "DeviceConfig",
    "DhGroup",
    "Direction",
    "DynamicSa",
    "EncryptionAlgorithm",
    "EsInterface",
    "ExchangeMode",
    "HashAlgorithm",
    "IkeConfig",
    "IkePolicy",
    "IkeProposal",
    "IkeSettings",
    "InterfaceFamily",
    "IpsecAuthentication",
    "IpsecPolicy",
    "IpsecProposal",
    "IpsecProtocol",
    "ManualAuthentication",
    "ManualDirection",
    "ManualEncryption",
    "ManualKeys",
    "ManualSa",
    "Retransmission",
    "SaMode",
    "SecurityAssociationConfig",
    "TrafficIdentity",
    "TrustAnchor",
    "Unit",
    "UnitReference",
    "UnitTunnel",
    "check",
]
