"""Paths between gateways: delay, loss, duplication, reordering, partition."""

from ipaddress import ip_address

import pytest

from agent.core.identifiers import Endpoint
from agent.core.link import HELD_BACK_US, LinkProfile, Network
from agent.core.world import World

HERE = Endpoint(ip_address("192.0.2.1"), 500)
THERE = Endpoint(ip_address("192.0.2.2"), 500)


class Wire:
    """A network with a receiver at each end, which write down when they got what."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World(now=0, seed=seed)
        self.network = Network(self.world)
        self.got: list[tuple[int, Endpoint, Endpoint, bytes]] = []
        for end in (HERE, THERE):
            self.network.attach(end.address, self._receive)

    def _receive(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        self.got.append((self.world.now, source, destination, payload))

    def send_numbers(self, count: int) -> list[int]:
        """Send so many datagrams at once, and return the numbers of those that arrived, in that order."""
        for number in range(count):
            self.network.send(HERE, THERE, number.to_bytes(2))
        self.world.advance(1_000_000)
        return [int.from_bytes(payload) for _, _, _, payload in self.got]

    def set_profile(self, **profile: float) -> None:
        """Set how datagrams fare from here to there."""
        self.network.set_profile(HERE.address, THERE.address, LinkProfile(**profile))  # type: ignore[arg-type]


def test_a_datagram_arrives_after_the_delay_with_both_endpoints() -> None:
    wire = Wire()
    wire.network.send(HERE, THERE, b"hello")
    wire.world.advance(4_999)
    assert wire.got == []
    wire.world.advance(1_000_000)
    assert wire.got == [(5_000, HERE, THERE, b"hello")]


def test_a_path_without_faults_keeps_order_and_loses_nothing() -> None:
    wire = Wire()
    assert wire.send_numbers(100) == list(range(100))
    assert wire.network.lost == 0


def test_loss_takes_about_its_share() -> None:
    wire = Wire()
    wire.set_profile(loss=0.3)
    arrived = wire.send_numbers(1000)
    assert 620 < len(arrived) < 780
    assert wire.network.lost == 1000 - len(arrived)
    assert arrived == sorted(arrived)


def test_duplication_gives_some_twice_and_none_three_times() -> None:
    wire = Wire()
    wire.set_profile(duplication=0.5)
    arrived = wire.send_numbers(200)
    counts = {arrived.count(number) for number in range(200)}
    assert counts == {1, 2}


def test_jitter_lets_datagrams_overtake_each_other_and_delays_none_too_long() -> None:
    wire = Wire()
    wire.set_profile(delay_us=1_000, jitter_us=10_000)
    arrived = wire.send_numbers(100)
    assert sorted(arrived) == list(range(100))
    assert arrived != sorted(arrived)
    assert all(1_000 <= at < 11_000 for at, *_ in wire.got)


def test_a_partition_of_one_direction_leaves_the_other_alone() -> None:
    wire = Wire()
    wire.set_profile(is_partitioned=True)
    assert wire.send_numbers(5) == []
    wire.network.send(THERE, HERE, b"back")
    wire.world.advance(2_000_000)
    assert [payload for *_, payload in wire.got] == [b"back"]


def test_a_datagram_for_nobody_is_swallowed_and_counted() -> None:
    wire = Wire()
    wire.network.detach(THERE.address)
    assert wire.send_numbers(3) == []
    assert wire.network.undeliverable == 3


def test_an_address_is_attached_once() -> None:
    wire = Wire()
    with pytest.raises(ValueError, match=r"192\.0\.2\.1"):
        wire.network.attach(HERE.address, lambda source, destination, payload: None)


def test_the_same_seed_loses_the_same_datagrams_and_another_seed_others() -> None:
    def arrived(seed: int) -> list[int]:
        wire = Wire(seed)
        wire.set_profile(loss=0.5)
        return wire.send_numbers(50)

    assert arrived(1) == arrived(1)
    assert arrived(1) != arrived(2)


OUTSIDE = Endpoint(ip_address("198.51.100.9"), 4500)


class Door(Wire):
    """A wire whose network has a way out, which writes down when it was taken by what."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[tuple[int, Endpoint, Endpoint, bytes]] = []
        self.network.open_outside(lambda *datagram: self.left.append((self.world.now, *datagram)))


def test_a_datagram_for_an_address_that_nobody_has_leaves_without_a_delay() -> None:
    door = Door()
    door.network.send(HERE, OUTSIDE, b"out")
    door.world.advance(0)
    assert door.left == [(0, HERE, OUTSIDE, b"out")]
    assert door.network.undeliverable == 0


def test_a_datagram_between_gateways_of_the_world_never_leaves_it() -> None:
    door = Door()
    door.network.send(HERE, THERE, b"within")
    door.world.advance(1_000_000)
    assert door.left == []
    assert door.got == [(5_000, HERE, THERE, b"within")]


def test_a_path_to_the_outside_can_be_made_a_bad_one() -> None:
    door = Door()
    door.network.set_profile(HERE.address, OUTSIDE.address, LinkProfile(is_partitioned=True))
    door.network.send(HERE, OUTSIDE, b"out")
    door.world.advance(1_000_000)
    assert (door.left, door.network.lost) == ([], 1)


def test_nothing_leaves_once_the_way_out_is_closed() -> None:
    door = Door()
    door.network.close_outside()
    door.network.send(HERE, OUTSIDE, b"out")
    door.world.advance(1_000_000)
    assert (door.left, door.network.undeliverable) == ([], 1)


def test_a_datagram_from_outside_is_there_at_once() -> None:
    door = Door()
    door.network.receive(OUTSIDE, HERE, b"in")
    assert door.got == [(0, OUTSIDE, HERE, b"in")]


def test_a_datagram_from_outside_for_nobody_or_in_the_name_of_a_gateway_within_is_swallowed() -> None:
    door = Door()
    door.network.receive(OUTSIDE, OUTSIDE, b"for nobody")
    door.network.receive(THERE, HERE, b"forged")
    door.world.advance(1_000_000)
    assert (door.got, door.left) == ([], [])
    assert door.network.undeliverable == 2


def test_a_datagram_that_is_reordered_is_overtaken_by_those_after_it_and_none_is_lost() -> None:
    wire = Wire()
    wire.set_profile(reordering=0.1)
    arrived = wire.send_numbers(100)
    assert sorted(arrived) == list(range(100))
    late = [at for at, *_ in wire.got if at != 5_000]
    assert set(late) == {5_000 + HELD_BACK_US}
    assert 2 <= len(late) <= 25


def test_a_link_tells_how_it_was_set() -> None:
    wire = Wire()
    assert dict(wire.network.profiles) == {}
    wire.set_profile(loss=0.5)
    assert dict(wire.network.profiles) == {(HERE.address, THERE.address): LinkProfile(loss=0.5)}
