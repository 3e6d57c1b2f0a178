"""Which policy a packet finds."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ip.fragmentation import fragment
from agent.core.ip.packet import TCP, UDP, whole
from agent.core.ipsec.spd import Action, Network, Policy, Selector, Spd
from tests.support.protection import packet_between

ANY4, ANY6 = ip_network("0.0.0.0/0"), ip_network("::/0")


def policy(name: str, local: str, remote: str, protocol: int = 0, ports: tuple[int, int] = (0, 0)) -> Policy:
    return Policy(name, Selector(ip_network(local), ip_network(remote), protocol, *ports))


def between(source: str, destination: str, ports: tuple[int, int] = (5000, 53)) -> bytes:
    return packet_between(ip_address(source), ip_address(destination), ports=ports)


def leaving(spd: Spd, packet: bytes) -> str | None:
    found = spd.outbound(packet)
    return found.name if found is not None else None


def arriving(spd: Spd, packet: bytes) -> str | None:
    found = spd.inbound(packet)
    return found.name if found is not None else None


def test_the_first_policy_that_fits_decides_though_a_later_one_is_closer() -> None:
    wide, close = policy("wide", "10.0.0.0/8", "0.0.0.0/0"), policy("close", "10.1.1.0/24", "10.2.2.2/32")
    octets = between("10.1.1.1", "10.2.2.2")
    assert leaving(Spd([wide, close]), octets) == "wide"
    assert leaving(Spd([close, wide]), octets) == "close"


def test_what_no_policy_fits_finds_none() -> None:
    spd = Spd([policy("p", "10.1.0.0/16", "10.2.0.0/16")])
    assert leaving(spd, between("10.1.0.1", "10.2.0.1")) == "p"
    assert leaving(spd, between("10.1.0.1", "10.3.0.1")) is None
    assert leaving(spd, between("10.2.0.1", "10.1.0.1")) is None
    assert leaving(spd, between("2001:db8::1", "2001:db8::2")) is None


def test_what_arrives_goes_from_the_remote_to_the_local_network() -> None:
    spd = Spd([policy("p", "10.1.0.0/16", "10.2.0.0/16", UDP, (53, 5000))])
    assert arriving(spd, between("10.2.0.1", "10.1.0.1", ports=(5000, 53))) == "p"
    assert arriving(spd, between("10.1.0.1", "10.2.0.1", ports=(53, 5000))) is None
    assert leaving(spd, between("10.1.0.1", "10.2.0.1", ports=(53, 5000))) == "p"


@pytest.mark.parametrize("version", [4, 6])
def test_protocol_and_ports_are_told_apart(version: int) -> None:
    everything = "0.0.0.0/0" if version == 4 else "::/0"
    ends = ("10.0.0.1", "10.0.0.2") if version == 4 else ("2001:db8::1", "2001:db8::2")
    spd = Spd(
        [
            policy("dns", everything, everything, UDP, (0, 53)),
            policy("tcp", everything, everything, TCP),
            policy("udp", everything, everything, UDP),
        ]
    )
    assert leaving(spd, between(*ends, ports=(5000, 53))) == "dns"
    assert leaving(spd, between(*ends, ports=(53, 5000))) == "udp"
    assert arriving(spd, between(*ends, ports=(53, 5000))) == "dns"


def test_a_later_fragment_has_no_ports_and_fits_no_policy_for_a_port() -> None:
    spd = Spd([policy("dns", "0.0.0.0/0", "0.0.0.0/0", UDP, (0, 53)), policy("udp", "0.0.0.0/0", "0.0.0.0/0", UDP)])
    octets = packet_between(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), 1000)
    assert [leaving(spd, piece) for piece in fragment(octets, 576)] == ["dns", "udp"]
    long = packet_between(IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2"), 2000)
    spd = Spd([policy("dns", "::/0", "::/0", UDP, (0, 53)), policy("udp", "::/0", "::/0", UDP)])
    assert [leaving(spd, piece) for piece in fragment(long, 1280, 1)] == ["dns", "udp"]


def test_a_policy_between_two_versions_is_for_no_packet() -> None:
    mixed = Policy("mixed", Selector(ANY4, ANY6))
    assert leaving(Spd([mixed]), between("10.0.0.1", "10.0.0.2")) is None


def test_an_action_is_found_with_its_policy() -> None:
    spd = Spd([Policy("", Selector(ANY4, ANY4), Action.BYPASS)])
    found = spd.outbound(between("10.0.0.1", "10.0.0.2"))
    assert found is not None
    assert found.action is Action.BYPASS


networks = st.builds(
    lambda address, length: IPv4Network((address & -1 << 32 - length & 0xFFFFFFFF, length)),
    st.integers(0x0A000000, 0x0A00000F),
    st.integers(26, 32),
)


def fits(network: Network, address: int) -> bool:
    return int(network.network_address) <= address <= int(network.broadcast_address)


@given(
    st.lists(st.tuples(networks, networks, st.sampled_from([0, UDP, TCP]), st.sampled_from([0, 53])), max_size=8),
    st.lists(st.tuples(*[st.integers(0x0A000000, 0x0A00000F)] * 2, st.sampled_from([53, 54])), min_size=1, max_size=9),
)
def test_a_packet_finds_what_going_through_all_policies_finds(
    selectors: list[tuple[IPv4Network, IPv4Network, int, int]], packets: list[tuple[int, int, int]]
) -> None:
    spd = Spd(
        [
            Policy(str(number), Selector(local, remote, protocol, 0, port))
            for number, (local, remote, protocol, port) in enumerate(selectors)
        ]
    )
    for source, destination, port in packets * 2:
        expected = next(
            (
                str(number)
                for number, (local, remote, protocol, wanted) in enumerate(selectors)
                if fits(local, source) and fits(remote, destination)
                if protocol in (0, UDP) and wanted in (0, port)
            ),
            None,
        )
        octets = packet_between(IPv4Address(source), IPv4Address(destination), ports=(1, port))
        assert leaving(spd, whole(octets)) == expected
