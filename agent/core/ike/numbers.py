"""Assigned numbers of ISAKMP, IKE and the IPsec DOI (RFC 2407, 2408, 2409, 3706, 3947), as far as used here."""

from enum import IntEnum
from typing import Final


class PayloadType(IntEnum):
    """Payload types that something here asks for by name (RFC 2408 sec. 3.1, RFC 3947)."""

    NONE = 0
    SECURITY_ASSOCIATION = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KEY_EXCHANGE = 4
    IDENTIFICATION = 5
    HASH = 8
    NONCE = 10
    NOTIFICATION = 11
    DELETE = 12
    VENDOR_ID = 13
    NAT_D = 20
    NAT_OA = 21


class ExchangeType(IntEnum):
    """Exchange types (RFC 2408 sec. 3.1, RFC 2409 App. A)."""

    MAIN = 2
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    QUICK_MODE = 32


class ProtocolId(IntEnum):
    """Security protocols (RFC 2407 sec. 4.4.1)."""

    ISAKMP = 1
    AH = 2
    ESP = 3


class IdentityType(IntEnum):
    """Identification types (RFC 2407 sec. 4.6.2.1)."""

    IPV4_ADDR = 1
    FQDN = 2
    USER_FQDN = 3
    IPV4_ADDR_SUBNET = 4
    IPV6_ADDR = 5
    IPV6_ADDR_SUBNET = 6
    IPV4_ADDR_RANGE = 7
    IPV6_ADDR_RANGE = 8
    DER_ASN1_DN = 9
    DER_ASN1_GN = 10
    KEY_ID = 11


class NotifyType(IntEnum):
    """Notify message types (RFC 2408 sec. 3.14.1, RFC 2407 sec. 4.6.3, RFC 3706). Those below 16384 report errors."""

    INVALID_PAYLOAD_TYPE = 1
    DOI_NOT_SUPPORTED = 2
    SITUATION_NOT_SUPPORTED = 3
    INVALID_COOKIE = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_MINOR_VERSION = 6
    INVALID_EXCHANGE_TYPE = 7
    INVALID_FLAGS = 8
    INVALID_MESSAGE_ID = 9
    INVALID_PROTOCOL_ID = 10
    INVALID_SPI = 11
    INVALID_TRANSFORM_ID = 12
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    BAD_PROPOSAL_SYNTAX = 15
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    UNSUPPORTED_EXCHANGE_TYPE = 29
    UNEQUAL_PAYLOAD_LENGTHS = 30
    RESPONDER_LIFETIME = 24576
    INITIAL_CONTACT = 24578
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137


FIRST_STATUS_TYPE: Final = 16384
"""Notify types from here on report a status, not an error."""

DOI_IPSEC: Final = 1
SITUATION_IDENTITY_ONLY: Final = 1
