"""Packets that get longer than their path: cut after protection or before, or refused and their sender told."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.ip import icmp, ipv4
from agent.core.ip.reassembly import Reassembler
from agent.core.ipsec.path import DfRule, UdpPorts
from agent.core.ipsec.path_mtu import LASTS_US
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import SaProtocol
from tests.support.protection import GATEWAYS, HOSTS, INTERFACE, TRANSFORMS, OneWay, Transform, one_way, packet

QUICK = Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_SHA1_96, None)
MTU = 1500


def drop(way: OneWay, octets: bytes) -> Drop:
    dropped = way.sender.processor.outbound(octets, way.interface)
    assert isinstance(dropped, Drop)
    return dropped


def told_mtu(dropped: Drop) -> int:
    """The MTU of the error, after scapy."""
    assert dropped.reason is DropReason.TOO_BIG
    assert dropped.reply is not None
    if dropped.reply[0] >> 4 == 6:
        return int(IPv6(dropped.reply)[ICMPv6PacketTooBig].mtu)
    error = IP(dropped.reply)[ICMP]
    assert (error.type, error.code) == (3, 4)
    return int(error.nexthopmtu)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize(("inner", "outer"), [(4, 4), (4, 6), (6, 4), (6, 6)])
def test_the_mtu_that_is_told_is_the_longest_that_passes_whole(transform: Transform, inner: int, outer: int) -> None:
    way = one_way(transform, inner=inner, outer=outer)
    cannot_be_cut: dict[str, Any] = {"dont_fragment": True} if inner == 4 else {}
    longest = told_mtu(drop(way, packet(MTU, version=inner, **cannot_be_cut)))
    wire = way.send_one(packet(longest, version=inner, **cannot_be_cut))
    # Encrypted octets are whole blocks.
    assert MTU - 8 < len(wire) <= MTU
    assert way.receive(wire) == packet(longest, version=inner, **cannot_be_cut)
    assert told_mtu(drop(way, packet(longest + 1, version=inner, **cannot_be_cut))) == longest


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
def test_in_transport_mode_as_well(transform: Transform) -> None:
    way = one_way(transform, mode=SaMode.TRANSPORT)
    longest = told_mtu(drop(way, packet(MTU, dont_fragment=True)))
    wire = way.send_one(packet(longest, dont_fragment=True))
    assert MTU - 8 < len(wire) <= MTU
    assert told_mtu(drop(way, packet(longest + 1, dont_fragment=True))) == longest


def test_udp_encapsulation_takes_its_share() -> None:
    bare, in_udp = one_way(QUICK), one_way(QUICK, ports=UdpPorts(4500, 4500))
    octets = packet(MTU, dont_fragment=True)
    assert told_mtu(drop(bare, octets)) == told_mtu(drop(in_udp, octets)) + 8


def test_a_packet_that_is_refused_uses_no_number_up() -> None:
    way = one_way(QUICK)
    drop(way, packet(MTU, dont_fragment=True))
    assert way.outbound.sequence == way.outbound.usage.bytes == 0
    assert way.sender.drops() == {DropReason.TOO_BIG: 1}


@pytest.mark.parametrize("transform", TRANSFORMS, ids=str)
@pytest.mark.parametrize(("mode", "outer"), [(SaMode.TUNNEL, 4), (SaMode.TUNNEL, 6), (SaMode.TRANSPORT, 4)])
def test_what_may_be_cut_is_cut_after_protection(transform: Transform, mode: SaMode, outer: int) -> None:
    way = one_way(transform, mode=mode, outer=outer, mtu=1280)
    pieces = way.send(packet(4000))
    assert len(pieces) == 4
    assert max(len(piece) for piece in pieces) <= 1280
    assert [way.receive(piece) for piece in reversed(pieces)] == [None, None, None, packet(4000)]
    assert way.outbound.sequence == way.outbound.statistics.packets == way.inbound.statistics.packets == 1


def test_a_host_cuts_its_own_ipv6_packets() -> None:
    way = one_way(QUICK, mode=SaMode.TRANSPORT, inner=6, mtu=1280)
    pieces = way.send(packet(2000, version=6))
    assert [way.receive(piece) for piece in pieces] == [None, packet(2000, version=6)]


def test_the_shortest_ipv6_packet_that_all_paths_carry_passes_in_pieces() -> None:
    way = one_way(QUICK, inner=6, outer=6, mtu=1280)
    assert len(way.send(packet(1280, version=6))) == 2
    assert told_mtu(drop(way, packet(1281, version=6))) == 1280


@pytest.mark.parametrize("path", [{"fragments_first": True}, {"df": DfRule.SET}])
def test_a_tunnel_can_cut_before_it_protects(path: dict[str, Any]) -> None:
    way = one_way(QUICK, mtu=1280, **path)
    pieces = way.send(packet(4000))
    assert way.outbound.sequence == len(pieces) == 4
    received, reassembler = [way.receive(piece) for piece in pieces], Reassembler()
    assert all(isinstance(each, bytes) and ipv4.is_fragment(each) for each in received)
    joined = [reassembler.add(each, 0) for each in received if isinstance(each, bytes)]
    assert joined == [None, None, None, packet(4000)]


def test_a_tunnel_that_clears_dont_fragment_cuts_in_spite_of_it() -> None:
    way = one_way(QUICK, df=DfRule.CLEAR)
    octets = packet(MTU, dont_fragment=True)
    assert [way.receive(piece) for piece in way.send(octets)] == [None, octets]


def test_what_is_too_long_for_any_packet_is_refused() -> None:
    way = one_way(QUICK)
    assert drop(way, packet(65_530)).reason is DropReason.TOO_BIG


def test_a_fragment_is_not_protected_in_transport_mode() -> None:
    way = one_way(QUICK, mode=SaMode.TRANSPORT)
    assert drop(way, packet(more_fragments=True)).reason is DropReason.MALFORMED
    assert drop(way, packet(fragment_offset=80)).reason is DropReason.MALFORMED


def test_fragments_that_never_become_whole_are_forgotten() -> None:
    way = one_way(QUICK)
    first, second = way.send(packet(MTU))
    assert way.receive(first) is None
    way.receiver.processor.expire(61_000_000)
    assert way.receive(second, now=61_000_000) is None
    assert way.inbound.statistics.packets == 0
    assert way.receiver.processor.reassembler.timed_out == 1


# What routers say


def too_big(way: OneWay, wire: bytes, mtu: int, now: int = 0) -> object:
    """Have a router on the way say that a packet was too big."""
    router = GATEWAYS[wire[0] >> 4][1] + 7
    error = icmp.too_big(wire, mtu, router)
    assert error is not None
    return way.sender.processor.inbound(error, now)


@pytest.mark.parametrize("outer", [4, 6])
def test_a_router_lowers_the_mtu_for_ten_minutes(outer: int) -> None:
    way = one_way(QUICK, outer=outer)
    octets = packet(1420, dont_fragment=True)
    wire = way.send_one(octets)
    assert too_big(way, wire, 1400, now=5) is None
    assert told_mtu(drop(way, octets)) < 1380
    way.sender.processor.expire(5 + LASTS_US - 1)
    assert drop(way, octets).reason is DropReason.TOO_BIG
    way.sender.processor.expire(5 + LASTS_US)
    assert len(way.send_one(octets)) == len(wire)


@pytest.mark.parametrize(
    ("transform", "path"),
    [
        (Transform(SaProtocol.AH, encryption=None), {}),
        (Transform(SaProtocol.AH_ESP, encryption=EncryptionAlgorithm.DES_CBC), {}),
    ],
)
def test_a_router_is_understood_whatever_the_protection(transform: Transform, path: dict[str, Any]) -> None:
    way = one_way(transform, **path)
    assert too_big(way, way.send_one(packet(1400)), 1200) is None
    assert drop(way, packet(1400, dont_fragment=True)).reason is DropReason.TOO_BIG


def test_no_router_makes_the_mtu_tiny_or_greater() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    too_big(way, wire, 1)
    assert told_mtu(drop(way, packet(MTU, dont_fragment=True))) > 500
    too_big(way, wire, 9000)
    assert told_mtu(drop(way, packet(MTU, dont_fragment=True))) < 576


def test_an_error_about_a_packet_that_was_not_ours_changes_nothing() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    forged = wire[:20] + b"\0\0\x10\1" + wire[24:]
    assert too_big(way, forged, 600) == Drop(DropReason.POLICY)
    assert way.send_one(packet(1400, dont_fragment=True))


def test_no_error_answers_an_error() -> None:
    way = one_way(QUICK)
    error = icmp.too_big(packet(1400), 600, HOSTS[4][0])
    assert error is not None
    assert drop(way, packet(MTU, dont_fragment=True)).reply is not None
    sent = bytes(IP(src=str(HOSTS[4][0]), dst=str(HOSTS[4][1]), flags="DF") / ICMP(type=3, code=4) / bytes(MTU))
    dropped = way.sender.processor.outbound(sent, INTERFACE)
    assert dropped == Drop(DropReason.TOO_BIG, None)
