"""IPv4 and IPv6 headers, options and extension headers, UDP and flows, with scapy as the second opinion."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    RouterAlert,
)
from scapy.packet import Raw

from agent.core.identifiers import Endpoint
from agent.core.ip import flow, ipv4, ipv6, udp
from agent.core.ip.packet import FRAGMENT, HOP_BY_HOP, ROUTING, MalformedPacket
from tests.support.protection import packet

A, B = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
C, D = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")


@given(
    tos=st.integers(0, 255),
    ttl=st.integers(0, 255),
    identification=st.integers(0, 0xFFFF),
    dont_fragment=st.booleans(),
    more_fragments=st.booleans(),
    fragment_offset=st.integers(0, 0x1FFF).map(lambda units: units * 8),
    options=st.integers(0, 10).map(lambda words: b"\1" * 4 * words),
)
def test_an_ipv4_header_is_what_scapy_makes_of_it_and_comes_back(**fields: Any) -> None:
    header = ipv4.Ipv4Header(17, A, B, **fields)
    octets = header.encode(5) + b"hello"
    assert ipv4.decode(octets) == (header, b"hello")
    flags = 2 * fields["dont_fragment"] + fields["more_fragments"]
    built = IP(
        src=str(A),
        dst=str(B),
        proto=17,
        tos=fields["tos"],
        ttl=fields["ttl"],
        id=fields["identification"],
        flags=flags,
        frag=fields["fragment_offset"] // 8,
        options=[IPOption_NOP()] * len(fields["options"]),
    )
    assert bytes(built / Raw(b"hello")) == octets


@given(st.integers(0, 255), st.integers(0, 0xFFFFF), st.integers(0, 255))
def test_an_ipv6_header_is_what_scapy_makes_of_it_and_comes_back(class_: int, label: int, hops: int) -> None:
    header = ipv6.Ipv6Header(17, C, D, hop_limit=hops, traffic_class=class_, flow_label=label)
    octets = header.encode(5) + b"hello"
    assert ipv6.decode(octets) == (header, b"hello")
    assert bytes(IPv6(src=str(C), dst=str(D), nh=17, hlim=hops, tc=class_, fl=label) / Raw(b"hello")) == octets


def test_a_packet_of_the_other_version_is_refused() -> None:
    with pytest.raises(MalformedPacket):
        ipv4.decode(packet(version=6))
    with pytest.raises(MalformedPacket):
        ipv6.decode(packet())


@pytest.mark.parametrize("octets", [b"\1", b"\1" * 44])
def test_options_that_are_no_words_or_too_many_are_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="options"):
        ipv4.Ipv4Header(17, A, B, options=octets).encode(0)


def test_options_are_found_up_to_the_end_of_them() -> None:
    octets = b"\1" + b"\x94\4\0\0" + b"\0" + b"\x83\3"
    assert list(ipv4.options(octets)) == [(1, 0, 1), (0x94, 1, 5)]


@pytest.mark.parametrize("octets", [b"\x94", b"\x94\0\0\0", b"\x94\1\0\0", b"\x94\5\0\0"])
def test_an_option_that_is_cut_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedPacket):
        list(ipv4.options(octets))


def test_extension_headers_are_laid_out() -> None:
    octets = bytes(
        IPv6(src=str(C), dst=str(D))
        / IPv6ExtHdrHopByHop(options=[RouterAlert()])
        / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"1234")])
        / IPv6ExtHdrRouting(addresses=[str(D)])
        / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"1234")])
        / UDP(sport=7, dport=9)
    )
    layout = ipv6.layout(octets)
    kinds = [(each.kind, each.start, each.end) for each in layout.extensions]
    assert kinds == [(HOP_BY_HOP, 40, 48), (60, 48, 56), (ROUTING, 56, 80), (60, 80, 88)]
    assert (layout.protocol, layout.offset, layout.named_at) == (17, 88, 80)
    # Destination options behind the routing header are for the destination alone, and so are protected.
    assert layout.protected_part() == (80, 56)
    assert layout.fragment is None
    assert flow.upper(octets) == (17, 7, 9)


def test_behind_the_header_of_a_later_fragment_nothing_is_read() -> None:
    octets = bytes(IPv6(src=str(C), dst=str(D)) / IPv6ExtHdrFragment(offset=3, nh=60) / Raw(b"\xff" * 20))
    layout = ipv6.layout(octets)
    assert [each.kind for each in layout.extensions] == [FRAGMENT]
    assert flow.upper(octets) == (60, flow.OPAQUE, flow.OPAQUE)


@pytest.mark.parametrize("kind", [0, 43, 44, 60])
def test_an_extension_header_that_is_cut_is_refused(kind: int) -> None:
    header = ipv6.Ipv6Header(kind, C, D)
    with pytest.raises(MalformedPacket):
        ipv6.layout(header.encode(4) + bytes(4))
    if kind != FRAGMENT:
        with pytest.raises(MalformedPacket):
            ipv6.layout(header.encode(8) + b"\x11\1" + bytes(6))


@given(st.binary(max_size=60), st.sampled_from([0, 43, 44, 60]))
def test_extension_headers_of_any_octets_raise_nothing_else(octets: bytes, kind: int) -> None:
    packet_ = ipv6.Ipv6Header(kind, C, D).encode(len(octets)) + octets
    try:
        layout = ipv6.layout(packet_)
    except MalformedPacket:
        return
    assert layout.offset <= len(packet_)
    flow.upper(packet_)


def test_ports_are_those_of_tcp_udp_and_sctp_alone() -> None:
    ends = {"src": str(A), "dst": str(B)}
    assert flow.upper(bytes(IP(**ends) / TCP(sport=80, dport=1000))) == (6, 80, 1000)
    assert flow.upper(bytes(IP(**ends, options=[IPOption_Router_Alert()]) / UDP(sport=1, dport=2))) == (17, 1, 2)
    assert flow.upper(bytes(IP(**ends, proto=47) / Raw(b"\0\1\0\2"))) == (47, flow.OPAQUE, flow.OPAQUE)
    assert flow.upper(bytes(IP(**ends, proto=17) / Raw(b"\0\1\0"))) == (17, flow.OPAQUE, flow.OPAQUE)
    assert flow.upper(bytes(IP(**ends, frag=5, proto=17) / Raw(b"\0\1\0\2"))) == (17, flow.OPAQUE, flow.OPAQUE)


# UDP


@pytest.mark.parametrize(("source", "destination", "layer"), [(A, B, IP), (C, D, IPv6)])
@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_a_datagram_is_what_scapy_makes_of_it_and_comes_back(
    source: Any, destination: Any, layer: Any, payload: bytes
) -> None:
    ends = Endpoint(source, 500), Endpoint(destination, 4500)
    octets = udp.encode(*ends, payload)
    assert udp.decode(octets) == (*ends, payload)
    fields = {"id": 0} if layer is IP else {}
    built = layer(src=str(source), dst=str(destination), **fields) / UDP(sport=500, dport=4500) / Raw(payload)
    assert bytes(built) == octets


def test_a_datagram_between_versions_cannot_be() -> None:
    with pytest.raises(ValueError, match="no packet"):
        udp.encode(Endpoint(A, 1), Endpoint(C, 2), b"")


def test_a_datagram_that_is_damaged_or_cut_is_refused() -> None:
    octets = udp.encode(Endpoint(A, 1), Endpoint(B, 2), b"hello")
    header, payload = ipv4.decode(octets)
    for bad in (payload[:-1] + b"?", payload[:7], payload[:4] + b"\0\7" + payload[6:], payload[:4] + b"\0\xff\0\0"):
        with pytest.raises(MalformedPacket):
            udp.decode(header.encode(len(bad)) + bad)
    unsummed = payload[:6] + b"\0\0" + payload[8:-1] + b"?"
    assert udp.decode(header.encode(len(unsummed)) + unsummed)[2] == b"hell?"
