"""Every way of protection against scapy's, in both directions, and tampering refused by both."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, UDP, IPOption_LSRR, IPOption_Router_Alert, IPOption_Timestamp
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    RouterAlert,
)
from scapy.layers.ipsec import AH, ESP, IPSecIntegrityError, SecurityAssociation
from scapy.packet import Raw

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.ipsec.path import UdpPorts
from agent.core.ipsec.refusal import DropReason
from agent.core.ipsec.sa import SaProtocol
from tests.support.protection import AUX_SPI, GATEWAYS, HOSTS, SPI, TRANSFORMS, OneWay, Transform, one_way, packet

LAYERS: dict[int, Any] = {4: IP, 6: IPv6}
CIPHERS = {None: "NULL", EncryptionAlgorithm.DES_CBC: "DES", EncryptionAlgorithm.TRIPLE_DES_CBC: "3DES"}
MACS = {
    None: "NULL",
    IpsecAuthentication.HMAC_MD5_96: "HMAC-MD5-96",
    IpsecAuthentication.HMAC_SHA1_96: "HMAC-SHA1-96",
}
TUNNELS = [(SaMode.TUNNEL, inner, outer) for inner in (4, 6) for outer in (4, 6)]
TRANSPORTS = [(SaMode.TRANSPORT, version, version) for version in (4, 6)]
WAYS = TUNNELS + TRANSPORTS
IDS = [f"{mode.value} {inner} in {outer}" for mode, inner, outer in WAYS]


class Scapy:
    """The same SA in scapy; a bundle is two of them, the inner one in transport mode within the other's packets."""

    def __init__(self, transform: Transform, mode: SaMode, outer: int, ports: int = 0) -> None:
        self.layer = LAYERS[outer]
        source, destination = GATEWAYS[outer]
        tunnel = self.layer(src=str(source), dst=str(destination)) if mode is SaMode.TUNNEL else None
        is_bundle = transform.protocol is SaProtocol.AH_ESP
        keys = transform.keys
        self.esp = SecurityAssociation(
            ESP,
            spi=SPI,
            crypt_algo=CIPHERS[transform.encryption],
            crypt_key=keys.encryption or None,
            auth_algo=MACS[None if is_bundle else transform.authentication],
            auth_key=None if is_bundle else keys.authentication or None,
            tunnel_header=tunnel,
            nat_t_header=UDP(sport=ports, dport=ports) if ports else None,
        )
        self.ah = SecurityAssociation(
            AH,
            spi=AUX_SPI if is_bundle else SPI,
            auth_algo=MACS[transform.authentication],
            auth_key=keys.authentication,
            tunnel_header=None if is_bundle else tunnel,
        )
        self.chain = {
            SaProtocol.ESP: (self.esp,),
            SaProtocol.AH: (self.ah,),
            SaProtocol.AH_ESP: (self.esp, self.ah),
        }[transform.protocol]

    def protect(self, octets: bytes) -> bytes:
        """Return what scapy makes of a packet."""
        made = LAYERS[octets[0] >> 4](octets)
        for association in self.chain:
            is_around = association is self.ah and association is not self.chain[0]
            made = self._authenticated(made) if is_around else association.encrypt(made)
        return bytes(made)

    def _authenticated(self, esp: Any) -> Any:
        """Return a packet of ESP with AH around it: scapy alone takes the ESP in AH for what it is to sign."""
        header, octets = self.layer(bytes(esp)), bytes(esp[ESP])
        last = header[ESP].underlayer
        last.remove_payload()
        if header.version == 4:
            last.proto, header.chksum, header.len = 51, None, None
        else:
            last.nh, header.plen = 51, None
        front = AH(nh=50, payloadlen=4, spi=self.ah.spi, seq=self.ah.seq_num, icv=bytes(12))
        self.ah.seq_num += 1
        signed = self.layer(bytes(header / front / Raw(octets)))
        signed[AH].remove_payload()
        return self.ah.auth_algo.sign(signed / Raw(octets), self.ah.auth_key)

    def open(self, wire: bytes) -> bytes:
        """Return the packet that scapy finds; it changes what it is given."""
        found = self.layer(wire)
        for association in reversed(self.chain):
            found = association.decrypt(self.layer(bytes(found)))
        return bytes(found)


def pair(transform: Transform, mode: SaMode, inner: int, outer: int) -> tuple[OneWay, Scapy]:
    return one_way(transform, mode=mode, inner=inner, outer=outer), Scapy(transform, mode, outer)


def tampered(wire: bytes, at: int) -> bytes:
    return wire[:at] + bytes((wire[at] ^ 0x40,)) + wire[at + 1 :]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize(("mode", "inner", "outer"), WAYS, ids=IDS)
def test_scapy_opens_what_we_protect(transform: Transform, mode: SaMode, inner: int, outer: int) -> None:
    way, scapy = pair(transform, mode, inner, outer)
    for size in range(80, 92):
        octets = packet(size, version=inner)
        assert scapy.open(way.send_one(octets)) == octets


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize(("mode", "inner", "outer"), WAYS, ids=IDS)
def test_we_open_what_scapy_protects(transform: Transform, mode: SaMode, inner: int, outer: int) -> None:
    way, scapy = pair(transform, mode, inner, outer)
    for size in range(80, 92):
        octets = packet(size, version=inner)
        assert way.receive(scapy.protect(octets)) == octets
    assert way.inbound.statistics.packets == 12


@pytest.mark.parametrize("transform", [each for each in TRANSFORMS if each.authentication is not None], ids=str)
@pytest.mark.parametrize(("mode", "inner", "outer"), WAYS, ids=IDS)
def test_tampering_is_refused_by_both(transform: Transform, mode: SaMode, inner: int, outer: int) -> None:
    way, scapy = pair(transform, mode, inner, outer)
    ours, theirs = way.send_one(packet(version=inner)), scapy.protect(packet(version=inner))
    for at in (-1, -30):
        with pytest.raises(IPSecIntegrityError):
            scapy.open(tampered(ours, len(ours) + at))
        assert way.reason(tampered(theirs, len(theirs) + at)) is DropReason.AUTHENTICATION
    assert way.inbound.statistics.authentication_failures == 2
    assert way.inbound.statistics.packets == 0


AH_WAYS = [each for each in TRANSFORMS if each.protocol is not SaProtocol.ESP]


@pytest.mark.parametrize("transform", AH_WAYS, ids=str)
@pytest.mark.parametrize("outer", [4, 6])
def test_ah_protects_the_addresses_of_the_outer_header(transform: Transform, outer: int) -> None:
    way, scapy = pair(transform, SaMode.TUNNEL, 4, outer)
    wire = scapy.layer(way.send_one(packet()))
    wire.src = str(GATEWAYS[outer][0] + 100)
    if outer == 4:
        del wire.chksum
    forged = bytes(wire)
    assert way.reason(forged) is DropReason.AUTHENTICATION
    with pytest.raises(IPSecIntegrityError):
        scapy.open(forged)


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("protocol", [SaProtocol.AH, SaProtocol.AH_ESP])
def test_routers_may_change_what_is_theirs_to_change(protocol: SaProtocol, outer: int) -> None:
    encryption = EncryptionAlgorithm.DES_CBC if protocol is SaProtocol.AH_ESP else None
    way, scapy = pair(Transform(protocol, encryption=encryption), SaMode.TUNNEL, 4, outer)
    wire = scapy.layer(way.send_one(packet()))
    if outer == 4:
        wire.tos, wire.ttl, wire.flags = 0x2E, 3, "DF"
        del wire.chksum
    else:
        wire.tc, wire.fl, wire.hlim = 0x2E, 0x12345, 3
    assert scapy.open(bytes(wire)) == packet()
    assert way.receive(bytes(wire)) == packet()


OPTIONS = [IPOption_Router_Alert(), IPOption_Timestamp(flg=0, length=8, timestamp=7)]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_a_packet_with_options_travels_in_transport_mode(transform: Transform) -> None:
    way, scapy = pair(transform, SaMode.TRANSPORT, 4, 4)
    source, destination = map(str, HOSTS[4])
    octets = bytes(IP(src=source, dst=destination, options=OPTIONS) / UDP(sport=1, dport=2) / Raw(b"payload"))
    ours = way.send_one(octets)
    assert scapy.open(ours) == octets
    assert way.receive(scapy.protect(octets)) == octets


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize("routed", [False, True])
def test_a_packet_with_extension_headers_travels_in_transport_mode(transform: Transform, routed: bool) -> None:
    way, scapy = pair(transform, SaMode.TRANSPORT, 6, 6)
    source, destination = map(str, HOSTS[6])
    mutable = HBHOptUnknown(otype=0x3E, optdata=b"change")
    front = IPv6(src=source, dst=destination) / IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b""), mutable])
    if routed:
        front = front / IPv6ExtHdrRouting(addresses=[str(HOSTS[6][0] + 9)], segleft=0)
    octets = bytes(front / IPv6ExtHdrDestOpt(options=[mutable]) / UDP(sport=1, dport=2) / Raw(b"payload"))
    assert way.receive(way.send_one(octets)) == octets
    assert bytes(LAYERS[6](scapy.open(way.send_one(octets)))) == octets
    if not routed or transform.protocol is SaProtocol.ESP:
        # Scapy signs a routing header as if it had not come to its end, though it has.
        way.inbound.replay.top = way.inbound.replay.bitmap = 0
        assert way.receive(scapy.protect(octets)) == octets


def test_a_source_route_is_authenticated_as_it_ends() -> None:
    """RFC 2402 appendix A: the destination is covered as it will be at last, though the packet leaves for another."""
    way = one_way(Transform(SaProtocol.AH, encryption=None), mode=SaMode.TRANSPORT)
    source, last = map(str, HOSTS[4])
    first = str(HOSTS[4][1] + 1)
    route = IPOption_LSRR(pointer=4, routers=[last])
    sent = IP(way.send_one(bytes(IP(src=source, dst=first, options=[route]) / UDP(sport=1, dport=2) / Raw(b"x"))))
    assert (sent.dst, sent.options[0].routers) == (first, [last])
    sent.dst, sent.options[0].routers, sent.options[0].pointer = last, [first], 8
    del sent.chksum
    assert isinstance(way.receive(bytes(sent)), bytes)
    assert way.inbound.statistics.authentication_failures == 0


def test_a_routing_header_is_authenticated_as_it_ends() -> None:
    way = one_way(Transform(SaProtocol.AH, encryption=None), mode=SaMode.TRANSPORT, inner=6)
    source, last = map(str, HOSTS[6])
    first, second = str(HOSTS[6][1] + 1), str(HOSTS[6][1] + 2)
    header = IPv6ExtHdrRouting(addresses=[second, last], segleft=2)
    octets = bytes(IPv6(src=source, dst=first) / header / UDP(sport=1, dport=2) / Raw(b"x"))
    sent = IPv6(way.send_one(octets))
    assert (sent.dst, sent[IPv6ExtHdrRouting].segleft) == (first, 2)
    sent.dst, sent[IPv6ExtHdrRouting].addresses, sent[IPv6ExtHdrRouting].segleft = last, [first, second], 0
    assert isinstance(way.receive(bytes(sent)), bytes)
    assert way.inbound.statistics.authentication_failures == 0


@pytest.mark.parametrize("transform", [each for each in TRANSFORMS if each.protocol is SaProtocol.ESP], ids=str)
@pytest.mark.parametrize(("mode", "version"), [(SaMode.TUNNEL, 4), (SaMode.TUNNEL, 6), (SaMode.TRANSPORT, 4)])
def test_esp_in_udp_is_opened_by_both(transform: Transform, mode: SaMode, version: int) -> None:
    way = one_way(transform, mode=mode, outer=version, ports=UdpPorts(4500, 4500))
    scapy = Scapy(transform, mode, version, ports=4500)
    assert scapy.open(way.send_one(packet())) == packet()
    way.inbound.replay.top = 0
    assert way.receive(scapy.protect(packet())) == packet()
