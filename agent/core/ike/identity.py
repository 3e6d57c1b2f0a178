"""Identities of phase 2 (RFC 2407 sec. 4.6.2): what traffic they stand for, and how they are shown.

A network of one address travels as the address. Every form that names exactly one network is the same traffic: a
subnet, an address, a range. What names no single network stands for no traffic that can be configured. The same
identities come again with every rekeying, and what they stand for is remembered.
"""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range
from types import MappingProxyType
from typing import Final

from agent.core.config import TrafficIdentity
from agent.core.identifiers import Address
from agent.core.ike.numbers import IdentityType
from agent.core.ike.payloads import Identification
from agent.core.ike.security_association import REMEMBERED

_TYPE_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        IdentityType.IPV4_ADDR: "ipv4",
        IdentityType.FQDN: "fqdn",
        IdentityType.USER_FQDN: "usr@fqdn",
        IdentityType.IPV4_ADDR_SUBNET: "ipv4_subnet",
        IdentityType.IPV6_ADDR: "ipv6",
        IdentityType.IPV6_ADDR_SUBNET: "ipv6_subnet",
        IdentityType.IPV4_ADDR_RANGE: "ipv4_range",
        IdentityType.IPV6_ADDR_RANGE: "ipv6_range",
        IdentityType.DER_ASN1_DN: "der_asn1_dn",
        IdentityType.DER_ASN1_GN: "der_asn1_gn",
        IdentityType.KEY_ID: "key_id",
    }
)
_PROTOCOL_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {0: "any", 1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6"}
)
_ADDRESSES: Final = frozenset({IdentityType.IPV4_ADDR, IdentityType.IPV6_ADDR})
_SUBNETS: Final = frozenset({IdentityType.IPV4_ADDR_SUBNET, IdentityType.IPV6_ADDR_SUBNET})
_RANGES: Final = frozenset({IdentityType.IPV4_ADDR_RANGE, IdentityType.IPV6_ADDR_RANGE})
_IPV4: Final = frozenset(
    {IdentityType.IPV4_ADDR, IdentityType.IPV4_ADDR_SUBNET, IdentityType.IPV4_ADDR_RANGE},
)
_TEXTS: Final = frozenset({IdentityType.FQDN, IdentityType.USER_FQDN})
_PRINTABLE: Final = range(0x20, 0x7F)


def identification(traffic: TrafficIdentity) -> Identification:
    """Return the payload that stands for some traffic."""
    network = traffic.network
    is_ipv4 = network.version == 4
    if network.prefixlen == network.max_prefixlen:
        kind = IdentityType.IPV4_ADDR if is_ipv4 else IdentityType.IPV6_ADDR
        data = network.network_address.packed
    else:
        kind = IdentityType.IPV4_ADDR_SUBNET if is_ipv4 else IdentityType.IPV6_ADDR_SUBNET
        data = network.network_address.packed + network.netmask.packed
    return Identification(kind, traffic.protocol, traffic.port, data)


@lru_cache(REMEMBERED)
def traffic(identity: Identification) -> TrafficIdentity | None:
    """Return the traffic that a payload stands for; None when no single network is."""
    kind, data = identity.identity_type, identity.data
    octets = (4 if kind in _IPV4 else 16) * (1 if kind in _ADDRESSES else 2)
    if kind not in _ADDRESSES | _SUBNETS | _RANGES or len(data) != octets:
        return None
    try:
        network = _network(kind, data)
    except ValueError:
        # A mask with a hole in it, an address beyond its mask, a range that is no network or has no beginning.
        return None
    return TrafficIdentity(network, identity.protocol, identity.port)


def render(identity: Identification) -> str:
    """Return the identity as it is shown: id-type-name(proto-name:port,[0..id-data-len]=presentation).

    The second number is the length of the data in octets less one.
    """
    name = _TYPE_NAMES.get(identity.identity_type, str(identity.identity_type))
    protocol = _PROTOCOL_NAMES.get(identity.protocol, str(identity.protocol))
    return f"{name}({protocol}:{identity.port},[0..{len(identity.data) - 1}]={_presentation(identity)})"


def _presentation(identity: Identification) -> str:
    kind, data = identity.identity_type, identity.data
    if kind in _TEXTS:
        return "".join(chr(octet) if octet in _PRINTABLE else f"\\x{octet:02x}" for octet in data)
    if kind in _RANGES and len(data) in (8, 32):
        first, last = _addresses(data)
        return f"{first}-{last}"
    meant = traffic(identity)
    if meant is None:
        return data.hex()
    return str(meant.network.network_address) if kind in _ADDRESSES else str(meant.network)


def _network(kind: int, data: bytes) -> IPv4Network | IPv6Network:
    """Return the one network that well-formed data name. Raises ValueError when they name none or several."""
    if kind in _ADDRESSES:
        return ip_network(data)
    first, second = _addresses(data)
    if kind in _SUBNETS:
        return ip_network((first.packed, _prefix_length(second)))
    (network,) = summarize_address_range(first, second)
    return network


def _addresses(data: bytes) -> tuple[Address, Address]:
    half = len(data) // 2
    return ip_address(data[:half]), ip_address(data[half:])


def _prefix_length(mask: Address) -> int:
    host_bits = int(mask) ^ (1 << mask.max_prefixlen) - 1
    if host_bits & (host_bits + 1):
        raise ValueError(f"the mask {mask} has a hole in it")
    return mask.max_prefixlen - host_bits.bit_length()
