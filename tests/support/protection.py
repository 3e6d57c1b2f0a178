"""Two gateways with one SA each way, packets for them, and every way of protection there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from agent.core.config import (
    AUTHENTICATION_KEY_OCTETS,
    ENCRYPTION_KEY_OCTETS,
    Direction,
    EncryptionAlgorithm,
    IpsecAuthentication,
    SaMode,
)
from agent.core.identifiers import Address, Spi
from agent.core.ip.ipv4 import Ipv4Header
from agent.core.ip.ipv6 import Ipv6Header
from agent.core.ip.packet import UDP
from agent.core.ip.udp import HEADER
from agent.core.ipsec.path import Path
from agent.core.ipsec.processor import HOST, Processor
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import IpsecSa, SaKeys, SaProtocol, SaType
from agent.core.ipsec.sad import Sad
from agent.core.ipsec.spd import Policy, Selector
from agent.core.world import SeededEntropy

NAME, INTERFACE = "sa-dynamic", "es-1/3/0.0"
SPI, AUX_SPI = 0x1000, 0x2000
GATEWAYS: dict[int, tuple[Address, Address]] = {
    4: (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")),
    6: (IPv6Address("2001:db8:f::1"), IPv6Address("2001:db8:f::2")),
}
NETWORKS = {
    4: (ip_network("192.168.1.0/24"), ip_network("192.168.2.0/24")),
    6: (ip_network("2001:db8:1::/48"), ip_network("2001:db8:2::/48")),
}
HOSTS: dict[int, tuple[Address, Address]] = {
    4: (IPv4Address("192.168.1.5"), IPv4Address("192.168.2.5")),
    6: (IPv6Address("2001:db8:1::5"), IPv6Address("2001:db8:2::5")),
}


@dataclass(frozen=True)
class Transform:
    """A way of protection."""

    protocol: SaProtocol = SaProtocol.ESP
    authentication: IpsecAuthentication | None = IpsecAuthentication.HMAC_SHA1_96
    encryption: EncryptionAlgorithm | None = EncryptionAlgorithm.TRIPLE_DES_CBC

    def __str__(self) -> str:
        parts = self.protocol, self.encryption, self.authentication
        return " ".join("none" if part is None else part.value for part in parts)

    @property
    def keys(self) -> SaKeys:
        """Keys in which no octet is like another."""
        authentication = encryption = b""
        if self.authentication is not None:
            authentication = bytes(range(100, 100 + AUTHENTICATION_KEY_OCTETS[self.authentication]))
        if self.encryption is not None:
            encryption = bytes(range(1, 1 + ENCRYPTION_KEY_OCTETS[self.encryption]))
        return SaKeys(authentication, encryption)


def transforms() -> Iterator[Transform]:
    """Every way of protection: ESP with a cipher, authentication or both; AH; a bundle of AH and encrypting ESP."""
    for authentication in (None, *IpsecAuthentication):
        for encryption in (None, *EncryptionAlgorithm):
            if authentication is not None or encryption is not None:
                yield Transform(SaProtocol.ESP, authentication, encryption)
            if authentication is not None:
                yield Transform(SaProtocol.AH_ESP if encryption else SaProtocol.AH, authentication, encryption)


PLAIN = Transform()
TRANSFORMS = tuple(transforms())


def packet(
    size: int = 100, *, version: int = 4, back: bool = False, ports: tuple[int, int] = (5000, 53), **header: Any
) -> bytes:
    """A UDP packet of that many octets from a host behind the first gateway to one behind the second, or back."""
    source, destination = reversed(HOSTS[version]) if back else HOSTS[version]
    return packet_between(source, destination, size, ports=ports, **header)


def packet_between(
    source: Address, destination: Address, size: int = 100, *, ports: tuple[int, int] = (5000, 53), **header: Any
) -> bytes:
    """A UDP packet of that many octets."""
    made: Ipv4Header | Ipv6Header
    if isinstance(source, IPv4Address):
        assert isinstance(destination, IPv4Address)
        made = Ipv4Header(UDP, source, destination, **header)
        front = made.octets
    else:
        assert isinstance(destination, IPv6Address)
        made = Ipv6Header(UDP, source, destination, **header)
        front = 40
    datagram = HEADER.pack(*ports, size - front, 0) + bytes(at * 7 & 0xFF for at in range(size - front - 8))
    return made.encode(len(datagram)) + datagram


def security_association(
    transform: Transform,
    direction: Direction = Direction.OUTBOUND,
    *,
    mode: SaMode = SaMode.TUNNEL,
    type_: SaType = SaType.DYNAMIC,
    window: int = 64,
    spi: int = SPI,
) -> IpsecSa:
    """An SA that is not installed."""
    return IpsecSa(
        direction=direction,
        spi=Spi(spi),
        aux_spi=Spi(AUX_SPI + spi - SPI if transform.protocol is SaProtocol.AH_ESP else 0),
        mode=mode,
        type=type_,
        protocol=transform.protocol,
        authentication_algorithm=transform.authentication,
        encryption_algorithm=transform.encryption,
        keys=transform.keys,
        replay_window_size=window,
    )


@dataclass
class Side:
    """One gateway."""

    is_first: bool
    seed: int = 1
    sad: Sad = field(init=False)
    processor: Processor = field(init=False)

    def __post_init__(self) -> None:
        self.sad = Sad(SeededEntropy(self.seed).draw)
        self.processor = Processor(self.sad, SeededEntropy(self.seed).draw)

    def path(self, version: int = 4, **changes: Any) -> Path:
        """The path from this gateway to the other; packets are not forwarded, so that they come out as they went in."""
        local, remote = GATEWAYS[version] if self.is_first else reversed(GATEWAYS[version])
        return replace(Path(NAME, INTERFACE, local, remote, forwards=False), **changes)

    def policies(self, *versions: int) -> list[Policy]:
        """Protection of what is between the networks behind both."""
        pairs = [NETWORKS[version] if self.is_first else NETWORKS[version][::-1] for version in versions]
        return [Policy(NAME, Selector(*pair)) for pair in pairs]

    def add(self, sa: IpsecSa, path: Path) -> IpsecSa:
        """Install an SA, and send by it if it is outbound."""
        self.sad.install(sa, now=0)
        self.processor.attach(sa, path)
        if sa.direction is Direction.OUTBOUND:
            self.processor.send_with(sa)
        return sa

    def drops(self) -> dict[DropReason, int]:
        """How many packets were dropped, by the reasons that occurred."""
        return {reason: count for reason, count in self.processor.drops.items() if count}


@dataclass
class OneWay:
    """An SA from the first gateway to the second, and what both ends do with its packets."""

    sender: Side
    receiver: Side
    outbound: IpsecSa
    inbound: IpsecSa
    path: Path
    """The sender's."""

    @property
    def interface(self) -> str:
        """Where the packets leave."""
        return self.path.interface

    def send(self, octets: bytes) -> tuple[bytes, ...]:
        """Return what a packet becomes on the wire, which must be something."""
        sent = self.sender.processor.outbound(octets, self.interface)
        assert isinstance(sent, tuple), sent
        return sent

    def send_one(self, octets: bytes) -> bytes:
        """Return the one packet that a packet becomes on the wire."""
        (wire,) = self.send(octets)
        return wire

    def receive(self, wire: bytes, now: int = 0) -> bytes | Drop | None:
        """Return what becomes of a packet from the wire."""
        return self.receiver.processor.inbound(wire, now)

    def reason(self, wire: bytes) -> DropReason:
        """Return why a packet from the wire is dropped, which it must be."""
        dropped = self.receive(wire)
        assert isinstance(dropped, Drop), dropped
        return dropped.reason


def one_way(
    transform: Transform = PLAIN,
    *,
    mode: SaMode = SaMode.TUNNEL,
    inner: int = 4,
    outer: int = 4,
    window: int = 64,
    type_: SaType = SaType.DYNAMIC,
    **path: Any,
) -> OneWay:
    """Two gateways with an SA from the first to the second; in transport mode they are the hosts."""
    ends = Side(is_first=True), Side(is_first=False)
    is_transport = mode is SaMode.TRANSPORT
    interface = HOST if is_transport else INTERFACE
    version = inner if is_transport else outer
    sas, paths = list[IpsecSa](), list[Path]()
    for side, direction in zip(ends, (Direction.OUTBOUND, Direction.INBOUND), strict=True):
        policies = side.policies(4, 6)
        if is_transport:
            path |= {"local": HOSTS[version][not side.is_first], "remote": HOSTS[version][side.is_first]}
        side.processor.set_policies(interface, policies)
        sa = security_association(transform, direction, mode=mode, type_=type_, window=window)
        paths.append(side.path(version, interface=interface, **path))
        sas.append(side.add(sa, paths[-1]))
    return OneWay(ends[0], ends[1], sas[0], sas[1], paths[0])
