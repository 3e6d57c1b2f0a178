"""Identities of phase 2: what traffic they are, and how they are shown."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.config import TrafficIdentity
from agent.core.ike.identity import identification, render, traffic
from agent.core.ike.numbers import IdentityType
from agent.core.ike.payloads import Identification

networks = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda each: ip_network((each[0] >> (32 - each[1]) << (32 - each[1]), each[1]))
    ),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda each: ip_network(((each[0] >> (128 - each[1]) << (128 - each[1])).to_bytes(16), each[1]))
    ),
)


def octets(*texts: str) -> bytes:
    return b"".join(ip_address(text).packed for text in texts)


@given(networks, st.integers(0, 255), st.integers(0, 65_535))
def test_traffic_survives_the_payload(network: object, protocol: int, port: int) -> None:
    identity = TrafficIdentity(network, protocol, port)  # type: ignore[arg-type]
    payload = Identification.decode(identification(identity).encode())
    assert traffic(payload) == identity


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_payload_can_be_shown_and_is_traffic_or_none(kind: int, data: bytes) -> None:
    payload = Identification(kind, 6, 80, data)
    assert render(payload).endswith(")")
    meant = traffic(payload)
    assert meant is None or traffic(identification(meant)) == meant


@pytest.mark.parametrize(
    ("network", "protocol", "port", "text"),
    [
        ("10.1.1.0/24", 6, 80, "ipv4_subnet(tcp:80,[0..7]=10.1.1.0/24)"),
        ("10.1.0.0/16", 0, 0, "ipv4_subnet(any:0,[0..7]=10.1.0.0/16)"),
        ("0.0.0.0/0", 0, 0, "ipv4_subnet(any:0,[0..7]=0.0.0.0/0)"),
        ("10.1.1.1/32", 17, 5004, "ipv4(udp:5004,[0..3]=10.1.1.1)"),
        ("2001:db8::/32", 1, 0, "ipv6_subnet(icmp:0,[0..31]=2001:db8::/32)"),
        ("2001:db8::1/128", 132, 9, "ipv6(132:9,[0..15]=2001:db8::1)"),
    ],
)
def test_traffic_is_shown_as_in_the_chapter(network: str, protocol: int, port: int, text: str) -> None:
    assert render(identification(TrafficIdentity(ip_network(network), protocol, port))) == text


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (IdentityType.FQDN, b"gw.example", "fqdn(any:0,[0..9]=gw.example)"),
        (IdentityType.USER_FQDN, b"a@b.example", "usr@fqdn(any:0,[0..10]=a@b.example)"),
        (IdentityType.IPV4_ADDR_RANGE, octets("10.0.0.1", "10.0.0.9"), "ipv4_range(any:0,[0..7]=10.0.0.1-10.0.0.9)"),
        (IdentityType.KEY_ID, b"\x01\xff", "key_id(any:0,[0..1]=01ff)"),
        (IdentityType.FQDN, b"a\xff\x1b", "fqdn(any:0,[0..2]=a\\xff\\x1b)"),
    ],
)
def test_what_is_no_traffic_is_shown_all_the_same(kind: IdentityType, data: bytes, text: str) -> None:
    payload = Identification(kind, 0, 0, data)
    assert render(payload) == text
    assert traffic(payload) is None


def test_a_range_that_is_a_network_is_that_network() -> None:
    payload = Identification(IdentityType.IPV4_ADDR_RANGE, 0, 0, octets("10.1.0.0", "10.1.255.255"))
    assert traffic(payload) == TrafficIdentity(ip_network("10.1.0.0/16"))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (IdentityType.IPV4_ADDR, b"123"),
        (IdentityType.IPV4_ADDR_SUBNET, octets("10.0.0.0")),
        (IdentityType.IPV4_ADDR_SUBNET, octets("10.0.0.0", "255.0.255.0")),
        (IdentityType.IPV4_ADDR_SUBNET, octets("10.0.0.1", "255.255.255.0")),
        (IdentityType.IPV4_ADDR_SUBNET, octets("10.0.0.0", "0.0.0.255")),
        (IdentityType.IPV4_ADDR_RANGE, octets("10.0.0.9", "10.0.0.1")),
        (IdentityType.IPV4_ADDR_RANGE, octets("10.0.0.1", "10.0.0.9")),
        (IdentityType.IPV6_ADDR, octets("10.0.0.1")),
        (99, octets("10.0.0.1")),
    ],
)
def test_what_names_no_single_network_is_no_traffic(kind: int, data: bytes) -> None:
    assert traffic(Identification(kind, 0, 0, data)) is None
