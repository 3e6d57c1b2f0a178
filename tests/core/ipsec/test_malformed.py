"""Packets that are not what AH or ESP look like, and what AH covers of headers with options."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert, IPOption_Timestamp
from scapy.layers.inet6 import HBHOptUnknown, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.packet import Raw

from agent.core.config import EncryptionAlgorithm, SaMode
from agent.core.ip import ipv4
from agent.core.ipsec.path import UdpPorts
from agent.core.ipsec.refusal import DropReason
from agent.core.ipsec.sa import SaProtocol
from tests.support.protection import (
    AUX_SPI,
    HOSTS,
    SPI,
    TRANSFORMS,
    Transform,
    one_way,
    packet,
    security_association,
)

AH = Transform(SaProtocol.AH, encryption=None)
BUNDLE = Transform(SaProtocol.AH_ESP, encryption=EncryptionAlgorithm.DES_CBC)
CIPHER_ALONE = Transform(SaProtocol.ESP, None, EncryptionAlgorithm.DES_CBC)


def carrying(wire: bytes, payload: bytes) -> bytes:
    """The packet with the payload in place of its own."""
    header, _ = ipv4.decode(wire)
    return header.encode(len(payload)) + payload


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_a_packet_that_is_cut_anywhere_is_refused_and_does_no_harm_to_the_next(transform: Transform) -> None:
    way = one_way(transform, window=0)
    wire = way.send_one(packet(60))
    payload = wire[20:]
    reasons = {way.reason(carrying(wire, payload[:end])) for end in range(len(payload))}
    garbage = {DropReason.DECRYPTION, DropReason.POLICY} if transform.authentication is None else set()
    assert reasons <= {DropReason.MALFORMED, DropReason.AUTHENTICATION} | garbage
    assert DropReason.MALFORMED in reasons
    assert way.receive(wire) == packet(60)
    assert way.inbound.statistics.packets == 1


@pytest.mark.parametrize("octets", [1, 4, 7])
def test_ciphertext_that_is_not_whole_blocks_is_never_decrypted(octets: int) -> None:
    way = one_way(CIPHER_ALONE)
    wire = way.send_one(packet())
    assert way.reason(carrying(wire, wire[20:] + bytes(octets))) is DropReason.MALFORMED
    assert way.receive(wire) == packet()
    assert way.inbound.statistics.decryption_failures == 0


@pytest.mark.parametrize("length", [0, 3, 5, 255])
def test_ah_of_another_length_is_malformed(length: int) -> None:
    way = one_way(AH)
    wire = way.send_one(packet())
    assert way.reason(wire[:21] + bytes((length,)) + wire[22:]) is DropReason.MALFORMED
    assert way.reason(carrying(wire, wire[20:43])) is DropReason.MALFORMED
    assert way.inbound.statistics.authentication_failures == 0


def test_ah_around_the_esp_of_another_sa_is_not_taken() -> None:
    way = one_way(BUNDLE)
    other = security_association(BUNDLE, spi=SPI + 1)
    assert other.aux_spi == AUX_SPI + 1
    crossed = replace(other, aux_spi=way.outbound.aux_spi)
    way.sender.add(crossed, way.path)
    assert way.reason(way.send_one(packet())) is DropReason.POLICY
    assert way.inbound.statistics.packets == 0


def test_fragments_within_fragments_are_not_taken() -> None:
    way = one_way(Transform(), outer=6)
    wire = IPv6(way.send_one(packet()))
    wire.remove_payload()
    esp = way.send_one(packet())[40:]
    once = IPv6ExtHdrFragment(nh=50, id=1) / Raw(esp)
    del wire.plen
    wire.nh = 44
    assert way.receive(bytes(wire / once)) == packet()
    twice = IPv6ExtHdrFragment(nh=44, id=2) / once
    assert way.reason(bytes(wire / twice)) is DropReason.MALFORMED


def test_a_datagram_that_says_it_is_longer_than_its_packet_is_malformed() -> None:
    way = one_way(Transform(), ports=UdpPorts(4500, 4500))
    wire = way.send_one(packet())
    longer = int.from_bytes(wire[24:26]) + 4
    assert way.reason(wire[:24] + longer.to_bytes(2) + wire[26:]) is DropReason.MALFORMED
    assert way.receive(wire) == packet()


def test_what_follows_a_datagram_within_its_packet_is_not_part_of_it() -> None:
    way = one_way(Transform(), ports=UdpPorts(4500, 4500))
    wire = way.send_one(packet())
    assert way.receive(carrying(wire, wire[20:] + b"more")) == packet()


# What AH covers


def test_options_that_stay_are_covered_and_options_that_change_are_not() -> None:
    way = one_way(AH, mode=SaMode.TRANSPORT)
    source, destination = map(str, HOSTS[4])
    options = [IPOption_Router_Alert(), IPOption_Timestamp(flg=0, length=8, timestamp=7)]
    sent = bytes(IP(src=source, dst=destination, options=options) / UDP(sport=1, dport=2) / Raw(b"x"))
    alert, stamp = IP(way.send_one(sent)), IP(way.send_one(sent))
    alert.options[0].alert, stamp.options[1].timestamp = 5, 9
    for changed in (alert, stamp):
        del changed.chksum
    assert way.reason(bytes(alert)) is DropReason.AUTHENTICATION
    assert isinstance(way.receive(bytes(stamp)), bytes)


def test_options_of_ipv6_say_by_their_type_whether_they_are_covered() -> None:
    way = one_way(AH, mode=SaMode.TRANSPORT, inner=6)
    source, destination = map(str, HOSTS[6])
    options = [HBHOptUnknown(otype=0x1E, optdata=b"stay"), HBHOptUnknown(otype=0x3E, optdata=b"change")]
    front = IPv6(src=source, dst=destination) / IPv6ExtHdrHopByHop(options=options)
    sent = bytes(front / UDP(sport=1, dport=2) / Raw(b"x"))
    wires = [way.send_one(sent), way.send_one(sent)]
    assert way.reason(wires[0].replace(b"stay", b"went")) is DropReason.AUTHENTICATION
    assert isinstance(way.receive(wires[1].replace(b"change", b"anew__")), bytes)
    # The type of an option that may change is covered all the same.
    assert way.reason(wires[0].replace(b"\x3e\6change", b"\x3f\6change")) is DropReason.AUTHENTICATION
