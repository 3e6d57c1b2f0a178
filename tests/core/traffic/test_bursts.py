"""Packets that are really sent arrive once at most, and both ends count the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import Direction, IpsecPolicy, IpsecProposal, IpsecProtocol
from agent.core.device import Device
from agent.core.events import IpsecDeletionReason, IpsecSaDeleted
from agent.core.ip import flow
from agent.core.ipsec.outbound import NUMBERS, REKEY_AT
from agent.core.keying import UnknownSecurityAssociation
from agent.core.link import LinkProfile, Network
from agent.core.traffic import Delivery, NotEmulated, Variant
from agent.core.traffic.sample import sample
from agent.core.world import World
from tests.support.devices import ESP, FAR, LOCAL, NEAR, Lab, device_config, lab_of, peer_config
from tests.support.gateways import policy
from tests.support.redundancy import ONE_PEER, PRIMARY, SA, with_manual
from tests.support.windows import windowed

OUTBOUND, INBOUND = Direction.OUTBOUND, Direction.INBOUND


def windowed_lab(size: int = 64, *, seed: int = 7) -> Lab:
    """A device and a peer that keep replayed packets out."""
    config = windowed(device_config(policy(NEAR), policy(FAR)), size)
    return Lab(config, near=windowed(peer_config(NEAR), size), seed=seed).start()


@pytest.mark.parametrize("direction", [OUTBOUND, INBOUND])
def test_every_packet_arrives_and_both_ends_and_the_pic_count_it(direction: Direction) -> None:
    each = windowed_lab()
    assert each.device.traffic.send(SA, direction, 40, 200, Variant.NORMAL) == Delivery(40, 0)
    sent, taken = (
        (each.association(), each.opposite()) if direction is OUTBOUND else (each.opposite(), each.association())
    )
    assert sent.outbound == taken.inbound
    assert (taken.inbound.packets, taken.inbound.bytes) == (40, 8000)
    assert taken.outbound.packets == sent.inbound.packets == 0
    counted = each.device.interfaces[PRIMARY].statistics
    ways = (counted.out_packets, counted.in_packets)
    assert ways == ((40, 0) if direction is OUTBOUND else (0, 40))


@pytest.mark.parametrize(
    ("variant", "size", "delivery"),
    [
        (Variant.REPLAYED, 64, Delivery(20, 20)),
        (Variant.REPLAYED, 32, Delivery(20, 20)),
        (Variant.REPLAYED, 0, Delivery(40, 0)),
        (Variant.REORDERED, 64, Delivery(20, 0)),
        (Variant.REORDERED, 0, Delivery(20, 0)),
        (Variant.CORRUPTED, 64, Delivery(0, 20)),
    ],
)
def test_what_happens_on_the_way_has_its_effect(variant: Variant, size: int, delivery: Delivery) -> None:
    each = windowed_lab(size)
    assert each.device.traffic.send(SA, INBOUND, 20, 100, variant) == delivery
    inbound, counted = each.association().inbound, each.device.interfaces[PRIMARY].statistics
    assert inbound.packets == counted.in_packets == delivery.delivered
    is_corrupted = variant is Variant.CORRUPTED
    assert inbound.authentication_failures == counted.authentication_failures == 20 * is_corrupted
    assert inbound.replay_drops == counted.replay_drops == delivery.dropped * (not is_corrupted)


def test_packets_without_an_sa_are_dropped_and_counted() -> None:
    each = windowed_lab()
    each.partition(NEAR)
    each.device.clear_ipsec_sas()
    assert each.device.traffic.send(SA, OUTBOUND, 5, 100, Variant.NORMAL) == Delivery(0, 5)
    counted = each.device.interfaces[PRIMARY].statistics
    assert (counted.no_sa_drops, counted.out_drops, counted.out_packets) == (5, 5, 0)


def test_a_packet_with_an_unknown_spi_is_counted_by_the_pic_of_the_tunnel() -> None:
    each = windowed_lab()
    each.partition(NEAR)
    each.device.clear_ipsec_sas()
    each.partition(NEAR, is_partitioned=False)
    assert each.device.traffic.send(SA, INBOUND, 5, 100, Variant.NORMAL) == Delivery(0, 5)
    assert each.device.interfaces[PRIMARY].statistics.unknown_spi_drops == 5


def test_a_manual_sa_carries_packets_both_ways_and_wraps() -> None:
    config = with_manual(ONE_PEER)
    near = with_manual(peer_config(NEAR))
    first, *others = near.interfaces
    units = tuple(
        replace(each, tunnel=replace(each.tunnel, source=NEAR, destination=LOCAL))
        if each.id == 5 and each.tunnel is not None
        else each
        for each in first.units
    )
    each = Lab(config, near=replace(near, interfaces=(replace(first, units=units), *others))).start()
    association = each.device.security_associations["manual"]
    (pair,) = association.pairs
    pair.outbound.sequence = (1 << 32) - 2
    for direction in Direction:
        assert each.device.traffic.send("manual", direction, 9, 300, Variant.NORMAL) == Delivery(9, 0)
    assert pair.outbound.sequence == 7
    assert association.outbound == each.near.security_associations["manual"].inbound


@pytest.mark.parametrize(
    "proposal",
    [
        replace(ESP, protocol=IpsecProtocol.AH, encryption_algorithm=None),
        replace(ESP, protocol=IpsecProtocol.BUNDLE),
        replace(ESP, authentication_algorithm=None),
    ],
    ids=["ah", "bundle", "encryption alone"],
)
def test_every_protocol_that_is_negotiated_carries_packets(proposal: IpsecProposal) -> None:
    each = lab_of(IpsecPolicy("policy", (proposal,))).start()
    for direction in Direction:
        assert each.device.traffic.send(SA, direction, 9, 300, Variant.NORMAL) == Delivery(9, 0)


def test_a_lifetime_in_kilobytes_that_is_used_up_at_once_ends_the_pair_and_brings_another() -> None:
    each = lab_of(IpsecPolicy("policy", (replace(ESP, lifetime_kilobytes=100),))).start()
    pair = each.association().current
    assert pair is not None
    assert each.device.traffic.send(SA, OUTBOUND, 200, 1000, Variant.NORMAL) == Delivery(102, 98)
    assert pair.outbound.usage.bytes == 102 * 1008 > 100 * 1024 > 101 * 1008
    assert [event.reason for event in each.events if isinstance(event, IpsecSaDeleted)] == [IpsecDeletionReason.EXPIRED]
    assert each.device.interfaces[PRIMARY].statistics.no_sa_drops == 98
    each.run(seconds=1)
    assert each.device.traffic.send(SA, OUTBOUND, 10, 1000, Variant.NORMAL) == Delivery(10, 0)
    assert each.association().outbound.packets == each.opposite().inbound.packets == 112, "nothing is set back"


def test_a_lifetime_in_kilobytes_shows_what_is_left_of_it() -> None:
    each = lab_of(IpsecPolicy("policy", (replace(ESP, lifetime_kilobytes=100),))).start()
    pair = each.association().current
    assert pair is not None
    soft, hard = pair.outbound.soft_lifetime, pair.outbound.hard_lifetime
    assert soft is not None
    assert hard is not None
    assert (soft.remaining_kilobytes, hard.remaining_kilobytes) == (80, 100)
    each.device.traffic.send(SA, OUTBOUND, 82, 1000, Variant.NORMAL)
    assert (soft.remaining_kilobytes, hard.remaining_kilobytes) == (0, 19)
    assert (soft.is_expired, hard.is_expired) == (True, False)
    each.run(seconds=1)
    assert each.association().rekeys == 1, "in time"


def test_a_dynamic_sa_is_replaced_long_before_its_numbers_end() -> None:
    each = windowed_lab()
    pair = each.association().current
    assert pair is not None
    pair.outbound.sequence = REKEY_AT - 3
    each.device.traffic.send(SA, OUTBOUND, 2, 100, Variant.NORMAL)
    each.run(seconds=1)
    assert each.association().rekeys == 0
    each.device.traffic.send(SA, OUTBOUND, 1, 100, Variant.NORMAL)
    each.run(seconds=1)
    assert each.association().rekeys == 1
    assert pair.outbound.sequence < NUMBERS


def test_packets_travel_through_the_network_in_its_time() -> None:
    each = windowed_lab()
    taken: list[bytes] = []
    each.device.on_packet = taken.append
    packet = sample(each.opposite().plan, 500)
    sent = each.near.protection.protect(f"to-{LOCAL}", packet)
    assert isinstance(sent, tuple)
    for wire in (*sent, *sent):
        each.network.send_packet(NEAR, LOCAL, wire)
    assert taken == []
    each.run(seconds=1)
    assert taken == [packet], "the second is a replay"
    assert each.association().inbound.replay_drops == 1


def test_a_packet_of_a_host_is_protected_by_what_is_for_it() -> None:
    each = windowed_lab()
    each.device.send_packet(sample(each.association().plan, 500))
    each.device.send_packet(sample(each.opposite().plan, 500))
    each.run(seconds=1)
    assert each.opposite().inbound.packets == 1
    assert each.device.unroutable == 1


def test_names_and_peers_that_are_not_there_are_refused() -> None:
    each = windowed_lab()
    with pytest.raises(UnknownSecurityAssociation):
        each.device.traffic.send("none", OUTBOUND, 1, 100, Variant.NORMAL)
    world = World(now=0, seed=1)
    alone = Device(world, Network(world), device_config(policy(NEAR)))
    with pytest.raises(NotEmulated):
        alone.traffic.send(SA, OUTBOUND, 1, 100, Variant.NORMAL)


@given(
    loss=st.floats(0, 0.5),
    duplication=st.floats(0, 0.5),
    variants=st.lists(st.sampled_from(Variant), min_size=1, max_size=4),
    window=st.sampled_from([32, 64]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_whatever_the_path_does_each_packet_is_delivered_once_at_most(
    loss: float, duplication: float, variants: list[Variant], window: int, seed: int
) -> None:
    each = windowed_lab(window, seed=seed)
    each.network.set_profile(LOCAL, NEAR, LinkProfile(loss=loss, duplication=duplication))
    total = Delivery()
    for variant in variants:
        total += each.device.traffic.send(SA, OUTBOUND, 50, 80, variant)
    sent, taken = each.association().outbound.packets, each.opposite().inbound
    assert sent == 50 * len(variants)
    assert taken.packets == total.delivered <= sent
    corrupted = 50 * variants.count(Variant.CORRUPTED)
    assert total.delivered <= sent - corrupted
    assert taken.authentication_failures <= 2 * corrupted


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 90), st.integers(1, 3)), min_size=1, max_size=150),
    st.sampled_from([32, 64]),
)
@settings(max_examples=25, deadline=None)
def test_in_any_order_no_packet_is_taken_twice_nor_below_the_window(
    arrivals: list[tuple[int, int, int]], window: int
) -> None:
    each = windowed_lab(window)
    packet = sample(each.opposite().plan, 100)
    sent = [each.near.protection.protect(f"to-{LOCAL}", packet) for _ in range(300)]
    top, taken = 0, set[int]()
    for number, further, times in arrivals:
        for _ in range(times):
            wire = sent[number + further - 1]
            assert isinstance(wire, tuple)
            is_taken = isinstance(each.device.protection.open(wire[0]), bytes)
            fresh = number + further not in taken and number + further > top - window
            assert is_taken == fresh
            if is_taken:
                taken.add(number + further)
                top = max(top, number + further)
    assert each.association().inbound.packets == len(taken)


def test_a_sample_is_of_the_traffic_that_is_meant() -> None:
    plan = windowed_lab().association().plan
    assert [str(host) for host in flow.endpoints(sample(plan, 100))] == ["10.5.0.1", "10.4.0.1"]
    assert flow.upper(sample(plan, 100)) == (17, 49152, 9)
    assert len(sample(plan, 64)) == 64
    with pytest.raises(ValueError, match="too short"):
        sample(plan, 27)
