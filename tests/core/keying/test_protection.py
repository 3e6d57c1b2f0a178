"""What becomes of the packets of a pair on their way: within UDP, past a translator, and over a path that narrows."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from agent.core.config import DeadPeerDetection, IkeSettings
from agent.core.identifiers import Address, Endpoint
from agent.core.ike.natt import KEEPALIVE
from agent.core.ip import flow, icmp
from agent.core.ip.packet import UDP
from agent.core.ipsec.path_mtu import LASTS_US
from agent.core.link import LinkProfile
from agent.core.traffic.sample import sample
from agent.core.world import SECOND
from tests.support.devices import FAR, LOCAL, NEAR, Lab, device_config
from tests.support.gateways import policy

TRANSLATED = IkeSettings(force_nat_detection=True)
"""Each end takes the other, and itself, to be behind a translator."""
ROUTER = ip_address("198.51.100.9")


def lab(settings: IkeSettings | None = None) -> Lab:
    """A device and a peer with a tunnel; the device asks whether the peer is there."""
    return Lab(device_config(policy(NEAR, dead_peer_detection=DeadPeerDetection(10, 2, 2))), settings=settings).start()


def protected(each: Lab, octets: int = 200, to: Address = NEAR) -> tuple[bytes, ...]:
    """Return what one packet of the tunnel to a peer is on the wire."""
    name = f"to-{to}"
    sent = each.device.protection.protect(name, sample(each.device.security_associations[name].plan, octets))
    assert isinstance(sent, tuple)
    return sent


def ports(wire: bytes) -> tuple[int, int]:
    """Return the ports of UDP encapsulation."""
    protocol, start = flow.carried(wire)
    assert protocol == UDP
    return int.from_bytes(wire[start : start + 2]), int.from_bytes(wire[start + 2 : start + 4])


def answer_from(each: Lab, port: int) -> None:
    """Have the peer's next answer come from a port that its translator has chosen anew."""
    each.network.set_profile(NEAR, LOCAL, LinkProfile(is_partitioned=True))
    before = len(each.network.sent)
    each.run(seconds=10.1)
    (answer, *_) = [sent for sent in each.network.sent[before:] if sent.source.address == NEAR]
    assert answer.payload != KEEPALIVE
    each.network.set_profile(NEAR, LOCAL, LinkProfile())
    each.network.send(Endpoint(NEAR, port), answer.destination, answer.payload)
    each.run(seconds=0.02)


def keepalives(each: Lab, source: Address) -> int:
    """Return how many keepalives an end has sent."""
    return sum(sent.payload == KEEPALIVE and sent.source.address == source for sent in each.network.sent)


def test_packets_follow_a_translator_that_has_another_port_for_the_peer() -> None:
    each = lab(TRANSLATED)
    assert ports(protected(each)[0]) == (4500, 4500)
    pair, sent = each.association().current, each.association().outbound.packets
    answer_from(each, 61_234)
    assert ports(protected(each)[0]) == (4500, 61_234)
    assert each.association().current is pair, "nothing was negotiated for it"
    assert each.association().outbound.packets == sent + 1


def test_a_translator_of_one_peer_has_nothing_to_do_with_another() -> None:
    config = device_config(
        policy(NEAR, dead_peer_detection=DeadPeerDetection(10, 2, 2)), policy(FAR), tunnels=(NEAR, FAR)
    )
    each = Lab(config, settings=TRANSLATED).start()
    assert ports(protected(each)[0]) == ports(protected(each, to=FAR)[0]) == (4500, 4500)
    answer_from(each, 61_234)
    assert ports(protected(each)[0]) == (4500, 61_234)
    assert ports(protected(each, to=FAR)[0]) == (4500, 4500)
    each.device.clear_ipsec_sas()
    each.run(seconds=5)
    assert ports(protected(each)[0]) == (4500, 4500), "the peer has negotiated anew, from there"
    answer_from(each, 61_235)
    assert ports(protected(each)[0]) == (4500, 61_235)
    assert ports(protected(each, to=FAR)[0]) == (4500, 4500)


def test_without_a_translator_packets_are_not_within_udp() -> None:
    protocol, _ = flow.carried(protected(lab())[0])
    assert protocol != UDP


@pytest.mark.parametrize(("seconds", "fewest", "most"), [(5, 0, 0), (30, 1, 30)])
def test_no_keepalive_is_sent_where_packets_are(seconds: int, fewest: int, most: int) -> None:
    """The peer sends none of its own: what it hears, it need not ask for, and it has nothing to say."""
    each = Lab(device_config(policy(NEAR)), settings=TRANSLATED).start()
    before = keepalives(each, LOCAL)
    for _ in range(0, 300, seconds):
        each.run(seconds=seconds)
        protected(each)
    assert fewest <= keepalives(each, LOCAL) - before <= most
    assert keepalives(each, NEAR) > 0, "the other end, which sends no packets, does send them"


def test_a_path_that_narrows_is_learned_and_forgotten_again() -> None:
    each = lab()
    (wire,) = protected(each, 1400)
    error = icmp.too_big(wire, 1000, ROUTER)
    assert error is not None
    drops = dict(each.device.dropped_packets)
    assert each.device.protection.open(error) is None
    assert [len(piece) <= 1000 for piece in protected(each, 1400)] == [True, True]
    each.run(seconds=LASTS_US / SECOND - 1)
    assert len(protected(each, 1400)) == 2
    each.run(seconds=1)
    assert len(protected(each, 1400)) == 1
    assert each.device.dropped_packets == drops


@pytest.mark.parametrize("settings", [None, TRANSLATED], ids=["ESP", "ESP in UDP"])
def test_what_the_network_here_takes_is_learned_and_forgotten_again(settings: IkeSettings | None) -> None:
    each = lab(settings)
    (wire,) = protected(each, 1400)
    each.device.protection.note_too_long(wire, 400)
    pieces = protected(each, 1400)
    assert len(pieces) == 4
    assert max(map(len, pieces)) <= 400, "less than a router would be believed"
    each.run(seconds=LASTS_US / SECOND)
    assert len(protected(each, 1400)) == 1


def test_what_is_no_packet_of_ours_teaches_nothing() -> None:
    each = lab()
    (wire,) = protected(each, 1400)
    strange = wire[:20] + bytes(4) + wire[24:]
    for packet in (strange, b"", wire[:19], bytes(60)):
        each.device.protection.note_too_long(packet, 400)
    assert len(protected(each, 1400)) == 1
