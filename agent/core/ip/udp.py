"""UDP datagrams in IP packets (RFC 768), as they carry IKE and encapsulated ESP (RFC 3948)."""

from ipaddress import IPv4Address
from struct import Struct
from typing import Final

from agent.core.identifiers import Endpoint
from agent.core.ip import flow
from agent.core.ip.checksum import checksum, is_intact, pseudo_header
from agent.core.ip.ipv4 import Ipv4Header
from agent.core.ip.ipv6 import Ipv6Header
from agent.core.ip.packet import MOST_OCTETS, UDP, MalformedPacket

OCTETS: Final = 8
"""A UDP header."""

HEADER: Final = Struct("!HHHH")
"""Source port, destination port, length with the header, checksum."""


def encode(source: Endpoint, destination: Endpoint, payload: bytes) -> bytes:
    """Return the packet that carries a datagram. Raises ValueError unless both ends are of one version."""
    header = HEADER.pack(source.port, destination.port, OCTETS + len(payload), 0)
    covered = pseudo_header(source.address, destination.address, UDP, OCTETS + len(payload)) + header + payload
    # A checksum of zero says that there is none, and the other form of zero takes its place.
    datagram = header[:6] + (checksum(covered) or MOST_OCTETS).to_bytes(2) + payload
    local, remote = source.address, destination.address
    if isinstance(local, IPv4Address) and isinstance(remote, IPv4Address):
        return Ipv4Header(UDP, local, remote).encode(len(datagram)) + datagram
    if isinstance(local, IPv4Address) or isinstance(remote, IPv4Address):
        raise ValueError(f"no packet from {local} to {remote}")
    return Ipv6Header(UDP, local, remote).encode(len(datagram)) + datagram


def decode(packet: bytes) -> tuple[Endpoint, Endpoint, bytes]:
    """Return source, destination and payload of a whole packet. Raises MalformedPacket where it is no datagram."""
    protocol, offset = flow.carried(packet)
    if protocol != UDP or offset + OCTETS > len(packet):
        raise MalformedPacket("no UDP datagram")
    source_port, destination_port, octets, sum_ = HEADER.unpack_from(packet, offset)
    if not OCTETS <= octets <= len(packet) - offset:
        raise MalformedPacket("a UDP datagram that is cut")
    source, destination = flow.endpoints(packet)
    datagram = packet[offset : offset + octets]
    if sum_ and not is_intact(pseudo_header(source, destination, UDP, octets) + datagram):
        raise MalformedPacket("a UDP datagram that is damaged")
    return Endpoint(source, source_port), Endpoint(destination, destination_port), datagram[OCTETS:]
