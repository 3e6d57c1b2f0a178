"""What becomes of packets that leave and arrive: policies, tunnels, hops, drops and their reasons."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import Direction, EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.ip import ipv4, ipv6
from agent.core.ip.packet import ICMP, ICMPV6, IPV4, whole
from agent.core.ipsec.path import DfRule, UdpPorts
from agent.core.ipsec.processor import HOST
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import SaProtocol
from agent.core.ipsec.spd import Action, Policy, Selector
from tests.support.protection import (
    GATEWAYS,
    HOSTS,
    INTERFACE,
    SPI,
    TRANSFORMS,
    OneWay,
    Side,
    Transform,
    one_way,
    packet,
    packet_between,
    security_association,
)

QUICK = Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_SHA1_96, None)
AH = Transform(SaProtocol.AH, encryption=None)
BUNDLE = Transform(SaProtocol.AH_ESP, encryption=EncryptionAlgorithm.DES_CBC)


def drop(way: OneWay, octets: bytes, interface: str = INTERFACE) -> Drop:
    dropped = way.sender.processor.outbound(octets, interface)
    assert isinstance(dropped, Drop)
    return dropped


# Policies


def test_what_no_policy_is_for_does_not_leave() -> None:
    way = one_way(QUICK)
    assert drop(way, packet(back=True)).reason is DropReason.POLICY
    assert drop(way, packet(), "es-0/0/0.9").reason is DropReason.POLICY
    assert way.sender.drops() == {DropReason.POLICY: 2}
    assert way.outbound.statistics.packets == 0


def test_what_bypasses_leaves_and_arrives_as_it_is() -> None:
    way = one_way(QUICK)
    for side in (way.sender, way.receiver):
        bypass = [Policy("", each.selector, Action.BYPASS) for each in side.policies(4)]
        side.processor.set_policies(INTERFACE, bypass)
    assert way.send_one(packet()) == packet()
    assert way.receiver.processor.inbound(packet(), 0, INTERFACE) == packet()


def test_what_is_to_be_discarded_neither_leaves_nor_arrives() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    for side in (way.sender, way.receiver):
        discard = [Policy("", each.selector, Action.DISCARD) for each in side.policies(4)]
        side.processor.set_policies(INTERFACE, discard)
    assert drop(way, packet()).reason is DropReason.POLICY
    assert way.reason(wire) is DropReason.POLICY


def test_what_should_have_been_protected_is_not_taken_in_the_clear() -> None:
    way = one_way(QUICK)
    assert way.receiver.processor.inbound(packet(), 0, INTERFACE) == Drop(DropReason.POLICY)


def test_a_packet_that_came_through_another_sa_than_its_policy_demands_is_dropped() -> None:
    way = one_way(QUICK)
    receiver = way.receiver.processor
    receiver.set_policies(INTERFACE, [Policy("another", each.selector) for each in way.receiver.policies(4)])
    assert way.reason(way.send_one(packet())) is DropReason.POLICY
    # It was authentic, and counts as a packet of the SA all the same.
    assert way.inbound.statistics.packets == 1


def test_a_packet_from_beyond_the_network_of_the_peer_is_dropped() -> None:
    way = one_way(QUICK)
    everything = [Policy("sa-dynamic", Selector(ip_network("0.0.0.0/0"), ip_network("0.0.0.0/0")))]
    way.sender.processor.set_policies(INTERFACE, everything)
    stranger = packet_between(IPv4Address("172.16.0.1"), HOSTS[4][1])
    assert way.reason(way.send_one(stranger)) is DropReason.POLICY


def test_the_policies_of_one_interface_are_nothing_to_another() -> None:
    way = one_way(QUICK)
    other = security_association(QUICK, spi=SPI + 1)
    way.sender.processor.set_policies("es-1/3/0.1", [Policy("other", way.sender.policies(4)[0].selector)])
    way.sender.add(other, way.sender.path(name="other", interface="es-1/3/0.1"))
    sent = way.sender.processor.outbound(packet(), "es-1/3/0.1")
    assert isinstance(sent, tuple)
    assert sent[0][20:24] == (SPI + 1).to_bytes(4)
    assert way.send_one(packet())[20:24] == SPI.to_bytes(4)


# SAs


def test_without_an_sa_nothing_leaves() -> None:
    way = one_way(QUICK)
    way.sender.processor.detach(way.outbound)
    assert drop(way, packet()).reason is DropReason.NO_SA


def test_an_sa_that_is_removed_from_the_database_protects_and_opens_nothing() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    way.sender.sad.remove(way.outbound)
    way.receiver.sad.remove(way.inbound)
    assert drop(way, packet()).reason is DropReason.NO_SA
    assert way.reason(wire) is DropReason.NO_SA
    assert way.outbound.sequence == 1


def test_an_unknown_spi_is_dropped() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    assert way.reason(wire[:20] + b"\0\0\x10\1" + wire[24:]) is DropReason.NO_SA
    assert way.receiver.drops() == {DropReason.NO_SA: 1}


def test_an_spi_means_nothing_at_another_address() -> None:
    way = one_way(QUICK)
    header, payload = ipv4.decode(way.send_one(packet()))
    elsewhere = replace(header, destination=IPv4Address("10.0.0.3"))
    assert way.reason(elsewhere.encode(len(payload)) + payload) is DropReason.NO_SA


def test_the_esp_of_a_bundle_is_not_taken_without_its_ah() -> None:
    way = one_way(BUNDLE)
    header, payload = ipv4.decode(way.send_one(packet()))
    bare = replace(header, protocol=50)
    assert way.reason(bare.encode(len(payload) - 24) + payload[24:]) is DropReason.POLICY
    assert way.inbound.statistics.packets == 0


def test_during_a_rekey_both_inbound_sas_deliver_and_the_new_one_sends() -> None:
    way = one_way(QUICK)
    old = way.send_one(packet())
    way.sender.add(security_association(QUICK, spi=SPI + 1), way.path)
    way.receiver.add(security_association(QUICK, Direction.INBOUND, spi=SPI + 1), way.receiver.path())
    new = way.send_one(packet())
    assert new[20:24] == (SPI + 1).to_bytes(4)
    assert way.receive(new) == way.receive(old) == packet()


def test_what_is_detached_twice_or_never_was_attached_does_no_harm() -> None:
    way = one_way(QUICK)
    for _ in range(2):
        way.sender.processor.detach(way.outbound)
        way.receiver.processor.detach(way.inbound)
    way.sender.processor.detach(security_association(QUICK))


def test_an_sa_that_gets_another_path_goes_on_along_it() -> None:
    way = one_way(QUICK, ports=UdpPorts(4500, 4500))
    way.send(packet())
    way.sender.processor.attach(way.outbound, replace(way.path, ports=UdpPorts(4500, 1024)))
    wire = way.send_one(packet())
    assert wire[22:24] == (1024).to_bytes(2)
    assert wire[32:36] == b"\0\0\0\2"
    assert way.send_one(packet())[4:6] != wire[4:6]


@pytest.mark.parametrize("transform", [AH, BUNDLE], ids=str)
def test_ah_cannot_travel_in_udp(transform: Transform) -> None:
    with pytest.raises(ValueError, match="UDP"):
        one_way(transform, ports=UdpPorts(4500, 4500))


def test_a_wrong_cipher_key_is_found_by_the_padding() -> None:
    way = one_way(Transform(SaProtocol.ESP, None, EncryptionAlgorithm.TRIPLE_DES_CBC))
    wires = [way.send_one(packet(100)) for _ in range(20)]
    outcomes = [way.receive(wire[:30] + bytes((wire[30] ^ 1,)) + wire[31:]) for wire in wires]
    # A changed IV spoils the beginning alone, a changed last block the padding.
    assert all(isinstance(outcome, Drop) or outcome != packet(100) for outcome in outcomes)
    failures = [way.receive(wire[:-1] + bytes((wire[-1] ^ 1,))) for wire in wires]
    assert [each.reason for each in failures if isinstance(each, Drop)].count(DropReason.DECRYPTION) >= 15
    assert way.inbound.statistics.decryption_failures >= 15


# Tunnels


def test_type_of_service_and_dont_fragment_are_copied_and_the_time_to_live_is_the_tunnels() -> None:
    way = one_way(QUICK, ttl=40)
    header, _ = ipv4.decode(way.send_one(packet(tos=0xBB, ttl=9, dont_fragment=True)))
    assert (header.tos, header.ttl, header.dont_fragment) == (0xBB, 40, True)
    assert (header.source, header.destination) == GATEWAYS[4]
    header, _ = ipv4.decode(way.send_one(packet(tos=0)))
    assert (header.tos, header.dont_fragment) == (0, False)


@pytest.mark.parametrize(("rule", "expected"), [(DfRule.SET, True), (DfRule.CLEAR, False)])
def test_dont_fragment_can_be_set_or_cleared(rule: DfRule, expected: bool) -> None:
    way = one_way(QUICK, df=rule)
    for inner in (True, False):
        assert ipv4.decode(way.send_one(packet(dont_fragment=inner)))[0].dont_fragment is expected


def test_class_and_flow_label_are_carried_over_between_versions() -> None:
    way = one_way(QUICK, inner=6, outer=6)
    header, _ = ipv6.decode(way.send_one(packet(version=6, traffic_class=0xBB, flow_label=0x12345)))
    assert (header.traffic_class, header.flow_label, header.hop_limit) == (0xBB, 0x12345, 64)
    header, _ = ipv6.decode(way.send_one(packet(tos=0xBB)))
    assert (header.traffic_class, header.flow_label) == (0xBB, 0)
    outer, _ = ipv4.decode(one_way(QUICK).send_one(packet(version=6, traffic_class=0xBB)))
    assert outer.tos == 0xBB


def test_congestion_marks_of_the_outer_header_do_not_reach_the_inner_one() -> None:
    way = one_way(QUICK)
    header, payload = ipv4.decode(way.send_one(packet(tos=2)))
    marked = replace(header, tos=3)
    assert way.receive(marked.encode(len(payload)) + payload) == packet(tos=2)


@pytest.mark.parametrize("version", [4, 6])
def test_a_gateway_that_forwards_takes_a_hop_at_either_end(version: int) -> None:
    way = one_way(QUICK, forwards=True)
    hops: dict[str, Any] = {"ttl" if version == 4 else "hop_limit": 9}
    last: dict[str, Any] = dict.fromkeys(hops, 7)
    received = way.receive(way.send_one(packet(version=version, **hops)))
    assert received == packet(version=version, **last)
    assert isinstance(received, bytes)
    assert whole(received) == received


@pytest.mark.parametrize(("version", "kind"), [(4, (ICMP, 11, 0)), (6, (ICMPV6, 3, 0))])
def test_a_packet_without_hops_left_is_not_protected_and_its_sender_is_told(
    version: int, kind: tuple[int, int, int]
) -> None:
    way = one_way(QUICK, forwards=True)
    hops: dict[str, Any] = {"ttl" if version == 4 else "hop_limit": 1}
    octets = packet(version=version, **hops)
    dropped = drop(way, octets)
    assert dropped.reason is DropReason.HOPS_EXCEEDED
    assert dropped.reply is not None
    start = 20 if version == 4 else 40
    assert (dropped.reply[9 if version == 4 else 6], dropped.reply[start], dropped.reply[start + 1]) == kind
    assert way.outbound.sequence == 0


def test_a_packet_whose_last_hop_was_the_tunnel_is_not_delivered() -> None:
    way = one_way(QUICK)
    way.receiver.processor.attach(way.inbound, way.receiver.path(forwards=True))
    assert way.reason(way.send_one(packet(ttl=1))) is DropReason.HOPS_EXCEEDED


def test_what_comes_out_of_a_tunnel_has_to_be_a_packet() -> None:
    way = one_way(QUICK)
    host = one_way(QUICK, mode=SaMode.TRANSPORT)
    host.sender.processor.attach(host.outbound, replace(host.path, local=GATEWAYS[4][0], remote=GATEWAYS[4][1]))
    selector = Selector(ip_network("10.0.0.1/32"), ip_network("10.0.0.2/32"))
    host.sender.processor.set_policies(HOST, [Policy("sa-dynamic", selector)])

    def carry(protocol: int, payload: bytes) -> DropReason:
        header = ipv4.Ipv4Header(protocol, IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))
        return way.reason(host.send_one(header.encode(len(payload)) + payload))

    assert carry(17, bytes(20)) is DropReason.POLICY
    assert carry(IPV4, b"E" + bytes(30)) is DropReason.MALFORMED
    assert carry(IPV4, packet(version=6)) is DropReason.MALFORMED


# UDP encapsulation


def test_a_keepalive_is_swallowed_and_ike_is_handed_on() -> None:
    way = one_way(QUICK, ports=UdpPorts(4500, 4500))
    local, remote = GATEWAYS[4]

    def datagram(payload: bytes) -> bytes:
        header = ipv4.Ipv4Header(17, IPv4Address(str(local)), IPv4Address(str(remote)))
        octets = 8 + len(payload)
        return header.encode(octets) + b"\x11\x94\x11\x94" + octets.to_bytes(2) + b"\0\0" + payload

    assert way.receive(datagram(b"\xff")) is None
    assert way.receive(datagram(bytes(4) + b"ike message")) == datagram(bytes(4) + b"ike message")
    assert way.reason(datagram(b"")) is DropReason.MALFORMED
    assert way.reason(datagram(b"short")) is DropReason.MALFORMED


def test_what_was_agreed_to_travel_in_udp_is_not_taken_bare_nor_the_other_way_round() -> None:
    bare, in_udp = one_way(QUICK), one_way(QUICK, ports=UdpPorts(4500, 4500))
    assert in_udp.reason(bare.send_one(packet())) is DropReason.POLICY
    assert bare.reason(in_udp.send_one(packet())) is DropReason.POLICY
    assert bare.inbound.statistics.packets == in_udp.inbound.statistics.packets == 0


# Initialization vectors


def test_no_initialization_vector_comes_twice_nor_is_a_counter() -> None:
    way = one_way()
    vectors = [way.send_one(packet())[28:36] for _ in range(300)]
    assert len(set(vectors)) == 300
    steps = {int.from_bytes(later) - int.from_bytes(former) for former, later in pairwise(vectors)}
    assert len(steps) == 299


def test_the_same_seed_gives_the_same_octets() -> None:
    ways = one_way(), one_way()
    assert [ways[0].send(packet()) for _ in range(3)] == [ways[1].send(packet()) for _ in range(3)]


# Octets of any kind


def both(way: OneWay) -> Side:
    """The receiver, with an SA to send by as well."""
    way.receiver.add(security_association(QUICK, spi=SPI + 9), way.receiver.path())
    return way.receiver


WAYS = [
    pytest.param(transform, mode, version, id=f"{transform} {mode.value} {version}")
    for transform in (TRANSFORMS[0], Transform(), QUICK, AH, BUNDLE)
    for mode in SaMode
    for version in (4, 6)
]


@pytest.mark.parametrize(("transform", "mode", "version"), WAYS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_packet_raises(transform: Transform, mode: SaMode, version: int, data: st.DataObject) -> None:
    way = one_way(transform, mode=mode, inner=version, outer=version)
    side = both(way)
    octets = bytearray(way.send_one(packet(data.draw(st.integers(60, 90)), version=version)))
    for at, octet in data.draw(st.lists(st.tuples(st.integers(0, len(octets) - 1), st.integers(0, 255)), max_size=6)):
        octets[at] = octet
    cut = octets[: data.draw(st.integers(0, len(octets)))] if data.draw(st.booleans()) else octets
    if version == 4 and len(cut) >= 20 and data.draw(st.booleans()):
        cut[2:4] = len(cut).to_bytes(2)
        cut[: (cut[0] & 15) * 4 or 20] = ipv4.with_checksum(bytes(cut[: (cut[0] & 15) * 4 or 20]))
    elif version == 6 and len(cut) >= 40:
        cut[4:6] = (len(cut) - 40).to_bytes(2)
    for given_octets in (bytes(cut), data.draw(st.binary(max_size=80))):
        side.processor.inbound(given_octets, 0)
        side.processor.outbound(given_octets, way.interface)
        side.processor.account_outbound(given_octets, 3, way.interface)
