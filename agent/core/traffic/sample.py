"""A packet of the traffic that a security association is for, from a host at this end to one at the other."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from types import MappingProxyType
from typing import Final

from agent.core.config import SaMode, TrafficIdentity
from agent.core.identifiers import Address, Endpoint
from agent.core.ip import udp
from agent.core.ip.ipv4 import Ipv4Header
from agent.core.ip.ipv6 import Ipv6Header
from agent.core.ip.packet import IPV4_OCTETS, IPV6_OCTETS, UDP
from agent.core.keying.plan import Plan

_BENCHMARK: Final[Mapping[int, tuple[Address, Address]]] = MappingProxyType(
    {
        4: (ip_address("198.18.0.1"), ip_address("198.19.0.1")),
        6: (ip_address("2001:2::1"), ip_address("2001:2::1:0:0:1")),
    }
)
"""Hosts of networks that are set aside for tests (RFC 2544, RFC 5180), where an identity is any."""
_FIRST_FREE_PORT: Final = 49152
_DISCARD_PORT: Final = 9


def sample(plan: Plan, octets: int) -> bytes:
    """Return a packet of a length in octets, headers included, that the plan's policies have protected.

    It is UDP unless the identities have another protocol. Raises ValueError for a length that no packet has.
    """
    source, destination = _hosts(plan)
    local, remote = plan.local_identity, plan.remote_identity
    protocol = local.protocol or remote.protocol or UDP
    ports = local.port or _FIRST_FREE_PORT, remote.port or _DISCARD_PORT
    front = IPV4_OCTETS if source.version == 4 else IPV6_OCTETS
    if protocol == UDP:
        payload = bytes(_checked(octets - front - udp.OCTETS))
        return udp.encode(Endpoint(source, ports[0]), Endpoint(destination, ports[1]), payload)
    payload = (ports[0].to_bytes(2) + ports[1].to_bytes(2)).ljust(_checked(octets - front - 4) + 4, b"\0")
    if isinstance(source, IPv4Address) and isinstance(destination, IPv4Address):
        return Ipv4Header(protocol, source, destination).encode(len(payload)) + payload
    assert not isinstance(source, IPv4Address)
    assert not isinstance(destination, IPv4Address)
    return Ipv6Header(protocol, source, destination).encode(len(payload)) + payload


def _checked(octets: int) -> int:
    if octets < 0:
        raise ValueError(f"a packet that is {-octets} octets too short for its headers")
    return octets


def _hosts(plan: Plan) -> tuple[Address, Address]:
    if plan.config.mode is SaMode.TRANSPORT and plan.ends is not None:
        return plan.ends.local, plan.ends.remote
    local, remote = _BENCHMARK[plan.local_identity.network.version]
    return _host(plan.local_identity, local), _host(plan.remote_identity, remote)


def _host(identity: TrafficIdentity, default: Address) -> Address:
    network: IPv4Network | IPv6Network = identity.network
    if network.prefixlen == 0:
        return default
    return network[1] if network.num_addresses > 1 else network[0]
