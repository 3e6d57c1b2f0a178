"""Fragmentation and reassembly: in any order, doubled, overlapping, late, too many."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet import fragment as scapy_fragment

from agent.core.ip import ipv4, ipv6
from agent.core.ip.fragmentation import fragment, may_fragment
from agent.core.ip.packet import MalformedPacket
from agent.core.ip.reassembly import MOST_DATAGRAMS, MOST_PIECES, TIMEOUT_US, Reassembler
from tests.support.protection import packet

A, B = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
C, D = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")


def piece(offset: int, payload: bytes, *, more: bool, identification: int = 1) -> bytes:
    header = ipv4.Ipv4Header(17, A, B, identification=identification, more_fragments=more, fragment_offset=offset)
    return header.encode(len(payload)) + payload


@given(st.integers(60, 5000), st.integers(100, 1500), st.sampled_from([4, 6]), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_what_is_cut_comes_together_in_whatever_order(size: int, mtu: int, version: int, chance: object) -> None:
    octets = packet(size, version=version)
    pieces = list(fragment(octets, mtu, 77))
    assert max(len(each) for each in pieces) <= mtu or len(pieces) == 1
    chance.shuffle(pieces)  # type: ignore[attr-defined]
    if len(pieces) == 1:
        assert pieces == [octets]
        return
    reassembler = Reassembler()
    results = [reassembler.add(each, 0) for each in pieces]
    assert results == [None] * (len(pieces) - 1) + [octets]
    assert reassembler.held_octets == len(reassembler) == 0


def test_fragments_are_those_of_scapy() -> None:
    octets = packet(1000, identification=9)
    pieces = fragment(octets, 420)
    assert list(pieces) == [bytes(each) for each in scapy_fragment(IP(octets), fragsize=400)]


def test_what_fits_is_left_alone() -> None:
    assert fragment(packet(100), 100) == (packet(100),)


def test_a_fragment_can_be_cut_again() -> None:
    octets = packet(1000)
    again = [part for whole in fragment(octets, 500) for part in fragment(whole, 100)]
    reassembler = Reassembler()
    assert [reassembler.add(each, 0) for each in again][-1] == octets


def test_only_options_that_are_copied_are_in_later_fragments() -> None:
    options = b"\x94\4\0\0" + b"\x44\4\5\0"
    octets = packet(200, options=options)
    first, later, *_ = [ipv4.decode(each)[0].options for each in fragment(octets, 100)]
    assert (first, later) == (options, b"\x94\4\0\0")


def test_extensions_read_on_the_way_are_in_every_fragment() -> None:
    hop_by_hop = b"\x11\0\5\2\0\0\1\0"
    octets = ipv6.Ipv6Header(0, C, D).encode(8 + 300) + hop_by_hop + bytes(300)
    for each in fragment(octets, 200, 5):
        assert [extension.kind for extension in ipv6.layout(each).extensions] == [0, 44]
        assert each[44:48] == hop_by_hop[4:]
    reassembler = Reassembler()
    assert [reassembler.add(each, 0) for each in fragment(octets, 200, 5)][-1] == octets


@pytest.mark.parametrize("version", [4, 6])
def test_a_path_on_which_nothing_fits_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match="octets"):
        fragment(packet(version=version), 25)


def test_dont_fragment_and_ipv6_forbid_it() -> None:
    assert may_fragment(packet())
    assert not may_fragment(packet(dont_fragment=True))
    assert not may_fragment(packet(version=6))


def test_a_fragment_that_comes_twice_is_kept_once() -> None:
    first, last = piece(0, bytes(16), more=True), piece(16, bytes(4), more=False)
    reassembler = Reassembler()
    assert reassembler.add(first, 0) is reassembler.add(first, 0) is None
    assert reassembler.held_octets == 16
    assert reassembler.add(last, 0) is not None
    assert reassembler.refused == 0


OVERLAPS = {
    "within": [piece(0, bytes(32), more=True), piece(8, b"x" * 8, more=True)],
    "around": [piece(8, bytes(8), more=True), piece(0, b"x" * 32, more=True)],
    "over the end": [piece(0, bytes(16), more=True), piece(8, bytes(16), more=True)],
    "the same place": [piece(0, bytes(16), more=True), piece(0, b"x" * 16, more=True)],
    "beyond the end": [piece(16, bytes(8), more=False), piece(24, bytes(8), more=True)],
    "a second end": [piece(16, bytes(8), more=False), piece(32, bytes(8), more=False)],
    "an end too early": [piece(32, bytes(8), more=True), piece(16, bytes(8), more=False)],
}


@pytest.mark.parametrize("pieces", OVERLAPS.values(), ids=list(OVERLAPS))
def test_a_datagram_whose_fragments_contradict_each_other_is_thrown_away_for_good(pieces: list[bytes]) -> None:
    reassembler = Reassembler()
    rest = [piece(0, bytes(16), more=True), piece(16, bytes(16), more=True), piece(32, bytes(4), more=False)]
    assert [reassembler.add(each, 0) for each in pieces + rest] == [None] * 5
    assert (reassembler.refused, reassembler.held_octets) == (1, 0)
    reassembler.expire(TIMEOUT_US)
    assert [reassembler.add(each, TIMEOUT_US) for each in rest][-1] is not None


def test_what_waits_too_long_is_forgotten() -> None:
    reassembler = Reassembler()
    reassembler.add(piece(0, bytes(16), more=True), 0)
    assert reassembler.add(piece(16, bytes(4), more=False), TIMEOUT_US) is None
    assert (reassembler.timed_out, reassembler.held_octets) == (1, 4)


def test_memory_is_bounded_and_the_oldest_makes_room() -> None:
    reassembler = Reassembler(most_octets=1000)
    for identification in range(100):
        reassembler.add(piece(0, bytes(104), more=True, identification=identification), 0)
    assert reassembler.held_octets <= 1000
    assert reassembler.evicted == 91
    assert reassembler.add(piece(104, bytes(4), more=False, identification=99), 0) is not None
    assert reassembler.add(piece(104, bytes(4), more=False, identification=0), 0) is None


def test_so_is_the_number_of_datagrams_those_refused_included() -> None:
    reassembler = Reassembler()
    for identification in range(MOST_DATAGRAMS + 50):
        for octet in (b"a", b"b"):
            reassembler.add(piece(0, octet * 8, more=True, identification=identification), 0)
    assert len(reassembler) <= MOST_DATAGRAMS


def test_so_is_the_number_of_fragments() -> None:
    reassembler = Reassembler()
    for at in range(MOST_PIECES + 1):
        reassembler.add(piece(at * 16, bytes(8), more=True), 0)
    assert (reassembler.refused, reassembler.held_octets) == (1, 0)


def test_datagrams_are_told_apart_by_addresses_protocol_and_identification() -> None:
    reassembler = Reassembler()
    reassembler.add(piece(0, bytes(16), more=True), 0)
    last = ipv4.Ipv4Header(17, A, B, identification=1, fragment_offset=16)
    for other in (
        ipv4.Ipv4Header(6, A, B, identification=1, fragment_offset=16),
        ipv4.Ipv4Header(17, B, A, identification=1, fragment_offset=16),
        ipv4.Ipv4Header(17, A, B, identification=2, fragment_offset=16),
    ):
        assert reassembler.add(other.encode(4) + bytes(4), 0) is None
    assert reassembler.add(last.encode(4) + bytes(4), 0) is not None


@pytest.mark.parametrize(
    "octets", [piece(0, bytes(7), more=True), piece(8, b"", more=True), piece(65_528, bytes(8), more=False)]
)
def test_a_fragment_that_no_datagram_has_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedPacket):
        Reassembler().add(octets, 0)
