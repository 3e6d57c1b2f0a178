"""When packets that are only counted bring something about: a limit of an SA, a sign of life, the use of a new pair.

Invariant: nothing that depends on packets happens between two instants that are told here, so that all bursts in
between can be counted at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from agent.core.ipsec.processor import Headroom
from agent.core.keying import TunnelSa
from agent.core.traffic.profile import TrafficProfile
from agent.core.traffic.sample import sample
from agent.core.traffic.sides import Side, Way
from agent.core.world import SECOND


def next_due(way: Way, profiles: Sequence[TrafficProfile], now: int) -> int | None:
    """Return the first instant after now at which the bursts along a way have to be counted; None when there is none.

    `profiles` are all those whose packets go along it, counted up to now.
    """
    if not any(profile.next_burst(now) is not None for profile in profiles):
        return None
    due = [*_limits(way, profiles, now), *_first_uses(way, profiles, now), *_signs_of_life(way.receiver, profiles, now)]
    return min((at for at in due if at > now), default=None)


def _limits(way: Way, profiles: Sequence[TrafficProfile], now: int) -> Iterator[int]:
    """Yield when an SA comes to a limit, where it does so while it is there."""
    association = way.sender.association
    pair = association.sending(now) if association is not None else None
    ends_at = pair.outbound.expires_at if pair is not None else None
    if association is None or pair is None or ends_at is None:
        return
    outermost, spi = pair.outbound.spis[0]
    arriving = way.receiver.protection.sad.find(outermost, spi)
    rooms, flows = list[Headroom](), list[tuple[TrafficProfile, int]]()
    for profile in profiles:
        packet = sample(association.plan, profile.packet_octets)
        here = way.sender.protection.outbound_headroom(association.name, packet)
        there = way.receiver.protection.inbound_headroom(arriving, packet) if arriving is not None else None
        if here is not None:
            flows.append((profile, here.octets_each))
            rooms += [room for room in (here, there) if room is not None]
    if rooms:
        yield from _reached(rooms, flows, now, ends_at)


def _reached(
    rooms: Sequence[Headroom], flows: Sequence[tuple[TrafficProfile, int]], now: int, ends_at: int
) -> Iterator[int]:
    """Yield when the least room of all is used up, which is that of either end, if it is by then.

    Of each flow the octets are given that a packet counts.
    """
    octets, packets = min(room.octets for room in rooms), min(room.packets for room in rooms)

    def is_reached(at: int) -> bool:
        sent = [(profile.bursts(now, at) * profile.packets, each) for profile, each in flows]
        return sum(count * each for count, each in sent) >= octets or sum(count for count, _ in sent) >= packets

    if is_reached(ends_at):
        yield _first(is_reached, now, ends_at)


def _first(holds: Callable[[int], bool], after: int, by: int) -> int:
    """Return the first instant after one and up to another at which something holds that holds from then on."""
    while after + 1 < by:
        middle = (after + by) // 2
        after, by = (after, middle) if holds(middle) else (middle, by)
    return by


def _first_uses(way: Way, profiles: Iterable[TrafficProfile], now: int) -> Iterator[int]:
    """Yield when an end takes to a new pair, and the moment before: by itself, or since a packet shows that it can."""
    for side in (way.sender, way.receiver):
        yield from _turning(side.association, now)
    if any(True for _ in _turning(way.receiver.association, now)):
        yield from _next_bursts(profiles, now)


def _next_bursts(profiles: Iterable[TrafficProfile], now: int) -> Iterator[int]:
    bursts = (profile.next_burst(now) for profile in profiles)
    yield from (at for at in bursts if at is not None)


def _turning(association: TunnelSa | None, now: int) -> Iterator[int]:
    current = association.current if association is not None else None
    if association is None:
        return
    if current is not None and current.sends_from > now and len(association.pairs) > 1:
        yield from (current.sends_from - 1, current.sends_from)


def _signs_of_life(receiver: Side, profiles: Iterable[TrafficProfile], now: int) -> Iterator[int]:
    """Yield when the receiver has to know again whether packets come, lest it asks.

    That is just before it would, just after, and often enough to learn of another IKE SA in time. Once it has asked,
    the next packet is an answer.
    """
    due_at = receiver.protection.liveness_due_at(receiver.association) if receiver.association is not None else None
    if due_at is not None:
        yield from (due_at - 1, due_at)
    if due_at == now:
        yield from _next_bursts(profiles, now)
    current = receiver.association.current if receiver.association is not None else None
    policy = current.ike_sa.policy if current is not None and current.ike_sa is not None else None
    if policy is not None and policy.dead_peer_detection is not None:
        yield now + policy.dead_peer_detection.interval_seconds * SECOND // 2
