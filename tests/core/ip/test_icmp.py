"""The errors a gateway answers with, after scapy."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.packet import Raw

from agent.core.ip import icmp
from agent.core.ip.packet import whole
from tests.support.protection import GATEWAYS, HOSTS, packet

FOUR, SIX = GATEWAYS[4][0], GATEWAYS[6][0]


def read(octets: bytes | None) -> Any:
    """The error as scapy reads it, with a checksum that scapy agrees with."""
    assert octets is not None
    layer = IP if octets[0] >> 4 == 4 else IPv6
    found, rebuilt = layer(octets), layer(octets)
    if layer is IP:
        del rebuilt[ICMP].chksum
    else:
        del rebuilt.payload.cksum
    assert bytes(rebuilt) == octets == whole(octets)
    return found


def test_fragmentation_needed_names_the_mtu_and_quotes_the_beginning() -> None:
    octets = packet(1500)
    found = read(icmp.too_big(octets, 1400, FOUR))
    assert (found.src, found.dst) == (str(FOUR), str(HOSTS[4][0]))
    assert (found[ICMP].type, found[ICMP].code, found[ICMP].nexthopmtu) == (3, 4, 1400)
    assert bytes(found[ICMP].payload) == octets[:28]


def test_packet_too_big_names_the_mtu_and_quotes_as_much_as_fits() -> None:
    octets = packet(1500, version=6)
    error = icmp.too_big(octets, 1400, SIX)
    found = read(error)
    assert (found.src, found.dst) == (str(SIX), str(HOSTS[6][0]))
    assert found[ICMPv6PacketTooBig].mtu == 1400
    assert bytes(found[ICMPv6PacketTooBig].payload) == octets[:1232]
    assert error is not None
    assert len(error) == 1280


@pytest.mark.parametrize(("version", "sender"), [(4, FOUR), (6, SIX)])
def test_time_exceeded_says_so(version: int, sender: Any) -> None:
    found = read(icmp.time_exceeded(packet(version=version), sender))
    if version == 4:
        assert (found[ICMP].type, found[ICMP].code) == (11, 0)
    else:
        assert (found[ICMPv6TimeExceeded].type, found[ICMPv6TimeExceeded].code) == (3, 0)


@pytest.mark.parametrize(("version", "sender"), [(4, FOUR), (6, SIX)])
def test_what_is_said_is_understood(version: int, sender: Any) -> None:
    octets = packet(1500, version=version)
    error = icmp.too_big(octets, 1300, sender)
    assert error is not None
    understood = icmp.read_too_big(error)
    assert understood is not None
    assert understood[0] == 1300
    assert octets.startswith(understood[1])
    for at in range(40 if version == 6 else 20, len(error)):
        assert icmp.read_too_big(error[:at] + bytes((error[at] ^ 1,)) + error[at + 1 :]) is None


def test_other_messages_are_no_such_error() -> None:
    assert icmp.read_too_big(packet()) is None
    expired = icmp.time_exceeded(packet(), FOUR)
    assert expired is not None
    assert icmp.read_too_big(expired) is None
    assert icmp.read_too_big(packet(28)[:9] + b"\1" + packet(28)[10:]) is None


ENDS = {"src": str(HOSTS[4][0]), "dst": str(HOSTS[4][1])}
SILENT = {
    "an error": IP(**ENDS) / ICMP(type=11) / Raw(bytes(28)),
    "a later fragment": IP(**ENDS, frag=9, proto=17) / Raw(bytes(28)),
    "one from all": IP(src="0.0.0.0", dst="10.0.0.2", proto=17) / Raw(bytes(28)),
    "one from many": IP(src="224.0.0.1", dst="10.0.0.2", proto=17) / Raw(bytes(28)),
    "one from a network": IP(src="255.255.255.255", dst="10.0.0.2", proto=17) / Raw(bytes(28)),
}


@pytest.mark.parametrize("built", SILENT.values(), ids=list(SILENT))
def test_what_must_not_be_answered_is_not(built: Any) -> None:
    assert icmp.too_big(bytes(built), 600, FOUR) is None


def test_a_query_is_answered_and_an_error_of_ipv6_is_not() -> None:
    assert icmp.too_big(bytes(IP(**ENDS) / ICMP(type=8)), 600, FOUR) is not None
    ends = {"src": str(HOSTS[6][0]), "dst": str(HOSTS[6][1])}
    assert icmp.too_big(bytes(IPv6(**ends) / ICMPv6EchoRequest()), 1280, SIX) is not None
    assert icmp.too_big(bytes(IPv6(**ends) / ICMPv6TimeExceeded()), 1280, SIX) is None
