"""Whole packets, hops, checksums."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP

from agent.core.ip import ipv4
from agent.core.ip.checksum import checksum, is_intact
from agent.core.ip.packet import HopsExceeded, MalformedPacket, forwarded, whole
from tests.support.protection import packet


def test_the_sample_of_rfc_1071() -> None:
    octets = bytes.fromhex("0001f203f4f5f6f7")
    assert checksum(octets) == 0xFFFF - 0xDDF2


@pytest.mark.parametrize(("octets", "expected"), [(b"\xff\xff", 0), (b"\0\0", 0xFFFF), (b"", 0xFFFF), (b"\1", 0xFEFF)])
def test_the_two_zeros_of_ones_complement(octets: bytes, expected: int) -> None:
    assert checksum(octets) == expected


@given(st.binary(max_size=70))
def test_the_checksum_is_the_sum_with_end_around_carry(octets: bytes) -> None:
    padded = octets + b"\0" * (len(octets) % 2)
    total = 0
    for at in range(0, len(padded), 2):
        total += int.from_bytes(padded[at : at + 2])
        total = (total & 0xFFFF) + (total >> 16)
    assert checksum(octets) == 0xFFFF - total
    assert is_intact(padded + checksum(octets).to_bytes(2))


@pytest.mark.parametrize("version", [4, 6])
def test_what_follows_a_packet_is_taken_off(version: int) -> None:
    assert whole(packet(version=version) + b"padding of the link") == packet(version=version)


@pytest.mark.parametrize("version", [4, 6])
def test_a_packet_that_is_cut_anywhere_is_refused(version: int) -> None:
    octets = packet(version=version)
    for end in range(len(octets)):
        with pytest.raises(MalformedPacket):
            whole(octets[:end])


def test_a_header_that_is_damaged_is_refused() -> None:
    octets = packet()
    for at in range(20):
        with pytest.raises(MalformedPacket):
            whole(octets[:at] + bytes((octets[at] ^ 8,)) + octets[at + 1 :])


@pytest.mark.parametrize("first", [0x00, 0x44, 0x50, 0xF0])
def test_another_version_or_too_short_a_header_is_refused(first: int) -> None:
    octets = bytes((first,)) + packet()[1:]
    with pytest.raises(MalformedPacket):
        whole(ipv4.with_checksum(octets[:20]) + octets[20:])


@given(st.integers(2, 255), st.integers(0, 255), st.integers(0, 0xFFFF))
def test_a_hop_is_taken_and_the_checksum_is_right(ttl: int, tos: int, identification: int) -> None:
    octets = forwarded(packet(ttl=ttl, tos=tos, identification=identification))
    assert octets == packet(ttl=ttl - 1, tos=tos, identification=identification)
    rebuilt = IP(octets)
    del rebuilt.chksum
    assert bytes(rebuilt) == octets


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("hops", [0, 1])
def test_the_last_hop_cannot_be_taken(version: int, hops: int) -> None:
    last: dict[str, Any] = {"ttl" if version == 4 else "hop_limit": hops}
    with pytest.raises(HopsExceeded):
        forwarded(packet(version=version, **last))


def test_a_hop_of_an_ipv6_packet_changes_nothing_else() -> None:
    assert forwarded(packet(version=6, hop_limit=9)) == packet(version=6, hop_limit=8)
