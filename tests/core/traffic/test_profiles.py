"""Packets that a profile only counts leave everything as the same packets do when they are really sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import DeadPeerDetection, Direction, IpsecPolicy
from agent.core.events import DatagramDropped
from agent.core.link import LinkProfile
from agent.core.pic import PicCommand
from agent.core.traffic import TrafficProfile, Variant
from agent.core.world import SECOND, Event
from tests.support.devices import ESP, LOCAL, NEAR, Lab, device_config, peer_config
from tests.support.gateways import policy
from tests.support.redundancy import BACKUP, PRIMARY, SA, with_backup_pic
from tests.support.windows import windowed

OUTBOUND, INBOUND = Direction.OUTBOUND, Direction.INBOUND


def busy_lab(
    *, seconds: int = 600, kilobytes: int | None = None, detection: DeadPeerDetection | None = None, seed: int = 7
) -> Lab:
    """A device with two PICs and a peer, with short lifetimes, and an IKE SA that outlives the test."""
    ipsec = IpsecPolicy("policy", (replace(ESP, lifetime_seconds=seconds, lifetime_kilobytes=kilobytes),))
    here = policy(NEAR, dead_peer_detection=detection)
    config = windowed(with_backup_pic(device_config(here, ipsec=ipsec)))
    return Lab(config, near=windowed(peer_config(NEAR, ipsec=ipsec)), seed=seed)


def really_send(each: Lab, profile: TrafficProfile) -> None:
    """Send every burst of a profile as packets, at its time."""

    def burst(at: int) -> None:
        traffic, octets = each.device.traffic, profile.packet_octets
        traffic.send(profile.security_association, profile.direction, profile.packets, octets, Variant.NORMAL)
        arrange(at)

    def arrange(after: int) -> None:
        at = profile.next_burst(after)
        if at is not None:
            each.world.call_at(at, lambda: burst(at))

    arrange(each.world.now)


def observed(each: Lab) -> Any:
    """Return everything that packets change at both ends, and what was told. A peer that boots has nothing."""
    theirs = each.near.security_associations.get(f"to-{LOCAL}")
    ends = [each.association(), *([theirs] if theirs is not None else [])]
    return (
        [(end.inbound, end.outbound, end.rekeys) for end in ends],
        [[(sa.spi, sa.state, sa.usage.mark) for sa in end.sas.values()] for end in ends],
        {name: state.statistics for name, state in each.device.interfaces.items()},
        each.events,
        each.pic_events,
    )


Happening = tuple[float, Callable[[Lab], object]]
"""What is done by hand, so many seconds after the start."""


@dataclass(frozen=True)
class Case:
    """A day in the life of a tunnel."""

    profiles: tuple[TrafficProfile, ...]
    happenings: tuple[Happening, ...] = ()
    lifetime_seconds: int = 600
    kilobytes: int | None = None
    detection: DeadPeerDetection | None = None
    looks: tuple[float, ...] = ()

    def live(self, begin: Callable[[Lab, TrafficProfile], object], until: float) -> list[Any]:
        """Live through it, and return what was seen whenever somebody looked."""
        each = busy_lab(seconds=self.lifetime_seconds, kilobytes=self.kilobytes, detection=self.detection)
        each.start(seconds=0.5)
        for profile in self.profiles:
            begin(each, profile)
        self.arrange(each)
        seen = []
        for at in (*self.looks, until):
            each.world.advance(round(at * SECOND))
            seen.append(observed(each))
        return seen

    def arrange(self, each: Lab) -> None:
        """Have happen what is to, and nothing at the same microsecond as a burst: those are at even ones."""
        for at, action in self.happenings:
            each.world.call_at(round(at * SECOND) | 1, partial(action, each))

    def check(self, until: float) -> Any:
        """See that it is the same whether packets are counted or sent, and return how it ends."""
        counted = self.live(lambda each, profile: each.device.traffic.begin([profile]), until)
        assert counted == self.live(really_send, until)
        return counted[-1]


def every(
    ms: int, direction: Direction = OUTBOUND, *, since: float = 1, until: float | None = None, **changes: Any
) -> TrafficProfile:
    """A profile with a burst in so many milliseconds."""
    ends_at = None if until is None else round(until * SECOND)
    profile = TrafficProfile(SA, round(since * SECOND) & ~1, ms * 1000, ends_at, direction=direction)
    return replace(profile, **changes)


def test_counters_and_windows_are_the_same() -> None:
    profiles = every(100, packets=3, packet_octets=400), every(70, INBOUND, packet_octets=1400)
    (ends, *_) = Case(profiles, looks=(1, 1.05, 7.3)).check(until=60)
    (inbound, outbound, _), (there_inbound, there_outbound, _) = ends
    assert outbound.packets == there_inbound.packets == 3 * 591
    assert inbound.bytes == there_outbound.bytes > 0


def test_a_pair_is_replaced_without_a_loss() -> None:
    profiles = every(100), every(130, INBOUND)
    (ends, *_) = Case(profiles).check(until=700)
    (inbound, outbound, rekeys), (there_inbound, there_outbound, _) = ends
    assert rekeys == 1
    assert (outbound.packets, inbound.packets) == (there_inbound.packets, there_outbound.packets)


def test_a_pair_is_replaced_without_a_loss_where_packets_go_one_way_only() -> None:
    (ends, *_) = Case((every(100),)).check(until=700)
    assert ends[0][2] == 1
    assert ends[0][1].packets == ends[1][0].packets == 6991


def test_a_lifetime_in_kilobytes_ends_in_time() -> None:
    case = Case(
        (every(50, packet_octets=1000), every(80, INBOUND, since=1.011)), kilobytes=200, lifetime_seconds=28_800
    )
    ends, _, _, events, _ = case.check(until=60)
    assert ends[0][2] == 7
    assert ends[0][1].packets == ends[1][0].packets, "nothing was lost"
    assert [type(each).__name__ for each in events].count("IpsecSaExpired") == 7


def test_a_lifetime_in_kilobytes_that_the_peer_uses_up_ends_in_time() -> None:
    case = Case((every(50, INBOUND, packet_octets=1000),), kilobytes=200, lifetime_seconds=28_800)
    ends, *_ = case.check(until=60)
    assert ends[0][2] == 7
    assert ends[0][0].packets == ends[1][1].packets


def test_several_profiles_of_one_direction_use_up_a_lifetime_together() -> None:
    profiles = (
        every(50, packet_octets=1000),
        every(30, since=1.003, packet_octets=333),
        every(500, since=1.001, packet_octets=90, packets=9),
    )
    (ends, *_) = Case(profiles, kilobytes=100, lifetime_seconds=28_800).check(until=30)
    assert ends[0][2] > 3
    assert ends[0][1].packets == ends[1][0].packets


def test_a_peer_that_sends_is_not_asked_whether_it_is_there() -> None:
    case = Case((every(2000, INBOUND),), detection=DeadPeerDetection(10, 2, 2))
    case.check(until=100)
    each = busy_lab(detection=case.detection).start(seconds=0.5)
    each.device.traffic.begin(case.profiles)
    each.run(seconds=1)
    before = len(each.network.sent)
    each.run(seconds=100)
    assert len(each.network.sent) == before


@pytest.mark.parametrize("since", [10.0, 11.4, 11.5, 11.6, 13.6])
def test_a_peer_that_begins_to_send_is_asked_or_not_as_its_first_packet_has_it(since: float) -> None:
    """The peer is heard of a little after 1.5 seconds, so that it is asked 10 seconds later."""
    happenings = ((1.5, lambda each: each.device.clear_ipsec_sas()),)
    Case((every(200, INBOUND, since=since),), happenings, detection=DeadPeerDetection(10, 2, 2)).check(until=40)


@pytest.mark.parametrize("after_ms", [-0.002, 0.002, 5, 9.998, 10.002, 30])
def test_a_first_packet_may_come_before_the_answer_to_a_probe(after_ms: float) -> None:
    """Then it is what shows that the peer is there, and the answer, 10 ms after the probe, is one too many."""

    def told(begin: Callable[[Lab], object]) -> tuple[list[int], list[Event]]:
        """When datagrams of IKE are sent in half a minute, and what is told."""
        each = busy_lab(detection=DeadPeerDetection(10, 2, 2)).start(seconds=0.5)
        begin(each)
        sent: list[int] = []
        while (at := each.world.next_deadline()) is not None and at <= 30 * SECOND:
            before = len(each.network.sent)
            each.world.advance(at)
            sent += [at] * (len(each.network.sent) - before)
        return sent, each.events

    probed_at = next(at for at in told(lambda each: None)[0] if at > 2 * SECOND)
    profile = TrafficProfile(SA, probed_at + round(after_ms * 1000), direction=INBOUND)
    counted = told(lambda each: each.device.traffic.begin([profile]))
    assert counted == told(lambda each: really_send(each, profile))
    assert any(isinstance(each, DatagramDropped) for each in counted[1]) is (0 < after_ms < 10)


def test_a_pic_that_fails_and_comes_back_leaves_the_counters_true() -> None:
    happenings = (
        (3.05, lambda each: each.device.set_pic(PRIMARY, PicCommand.FAULT)),
        (5.05, lambda each: each.device.set_pic(PRIMARY, PicCommand.ONLINE)),
        (7.05, lambda each: each.device.switch_interfaces()),
    )
    ends, _, pics, *_ = Case((every(100), every(100, INBOUND)), happenings).check(until=9.95)
    assert pics[PRIMARY].out_packets + pics[BACKUP].out_packets == ends[0][1].packets == 90
    assert (pics[BACKUP].out_packets, pics[BACKUP].in_packets) == (40, 40)
    assert ends[1][0].packets == 90


def test_without_a_pic_packets_are_lost_and_counted() -> None:
    happenings = (
        (3.05, lambda each: each.device.set_pic(PRIMARY, PicCommand.OFFLINE)),
        (3.05, lambda each: each.device.set_pic(BACKUP, PicCommand.OFFLINE)),
        (5.05, lambda each: each.device.set_pic(PRIMARY, PicCommand.ONLINE)),
    )
    case = Case((every(100),), happenings)
    case.check(until=20)
    each = busy_lab().start(seconds=0.5)
    each.device.traffic.begin(case.profiles)
    case.arrange(each)
    each.run(seconds=19.5)
    sent, lost = each.association().outbound.packets, each.device.interface_redundancy[PRIMARY].lost_packets
    no_sa = each.device.interfaces[PRIMARY].statistics.no_sa_drops
    assert lost == 20
    assert sent + lost + no_sa == 191


def test_a_peer_that_falls_silent_takes_nothing() -> None:
    def silent(each: Lab) -> None:
        each.near.reachable = False

    def heard(each: Lab) -> None:
        each.near.reachable = True

    (ends, *_) = Case((every(100), every(100, INBOUND)), ((2.05, silent), (4.05, heard))).check(until=5.95)
    assert ends[0][1].packets == 50
    assert ends[1][0].packets == 30


def test_a_partition_swallows_what_is_sent_meanwhile() -> None:
    def cut(each: Lab) -> None:
        each.partition(NEAR)

    def join(each: Lab) -> None:
        each.partition(NEAR, is_partitioned=False)

    (ends, *_) = Case((every(100),), ((2.05, cut), (4.05, join))).check(until=5.95)
    assert (ends[0][1].packets, ends[1][0].packets) == (50, 30)


def test_a_share_of_the_packets_is_lost_on_a_path_that_loses() -> None:
    each = busy_lab(seconds=28_800).start(seconds=0.5)
    each.network.set_profile(LOCAL, NEAR, LinkProfile(loss=0.25, duplication=0.5))
    each.device.traffic.begin([every(1, packets=100)])
    each.run(seconds=100.5)
    inbound, outbound = each.opposite().inbound, each.association().outbound
    assert outbound.packets == 100 * 100_001
    assert inbound.packets == pytest.approx(0.75 * outbound.packets, rel=0.001)
    assert inbound.replay_drops == pytest.approx(0.5 * inbound.packets, rel=0.001)


@given(
    data=st.data(),
    kilobytes=st.none() | st.integers(60, 400),
    lifetime_seconds=st.integers(200, 400),
    detects=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_whatever_happens_counting_is_like_sending(
    data: st.DataObject, kilobytes: int | None, lifetime_seconds: int, detects: bool
) -> None:
    profile = st.builds(
        every,
        st.integers(200, 3000),
        st.sampled_from([OUTBOUND, INBOUND]),
        since=st.floats(0.6, 100),
        until=st.none() | st.floats(100, 300),
        packets=st.integers(1, 4),
        packet_octets=st.integers(64, 1500),
    )
    actions: list[Callable[[Lab], object]] = [
        lambda each: each.device.set_pic(PRIMARY, PicCommand.FAULT),
        lambda each: each.device.set_pic(PRIMARY, PicCommand.ONLINE),
        lambda each: each.device.set_pic(BACKUP, PicCommand.OFFLINE),
        lambda each: each.device.set_pic(BACKUP, PicCommand.ONLINE),
        lambda each: each.device.set_family(PRIMARY, 0, False),
        lambda each: each.device.set_family(PRIMARY, 0, True),
        lambda each: each.device.clear_ipsec_sas(),
        lambda each: each.device.clear_ike_sas(),
        lambda each: each.near.clear_ipsec_sas(),
        lambda each: each.near.reboot(20),
        lambda each: each.partition(NEAR),
        lambda each: each.partition(NEAR, is_partitioned=False),
        lambda each: setattr(each.near, "reachable", False),
        lambda each: setattr(each.near, "reachable", True),
    ]
    happening = st.tuples(st.floats(0.6, 300), st.sampled_from(actions))
    case = Case(
        tuple(data.draw(st.lists(profile, min_size=1, max_size=3))),
        tuple(data.draw(st.lists(happening, max_size=6))),
        lifetime_seconds,
        kilobytes,
        DeadPeerDetection(10, 2, 2) if detects else None,
        tuple(sorted(data.draw(st.lists(st.floats(0.6, 400), max_size=3)))),
    )
    case.check(until=400)


def test_a_day_of_a_million_packets_a_second_costs_a_few_events() -> None:
    each = busy_lab(seconds=28_800).start(seconds=0.5)
    each.device.traffic.begin([every(1, packets=10)])
    before = each.world.next_deadline()
    assert before is not None
    calls = 0

    def keep_going() -> bool:
        nonlocal calls
        calls += 1
        return True

    each.world.advance(86_400 * SECOND, keep_going)
    assert each.association().outbound.packets == 10 * (86_400_000 - 999)
    assert each.association().rekeys == 3
    assert calls < 3000, "most are those of IKE"
