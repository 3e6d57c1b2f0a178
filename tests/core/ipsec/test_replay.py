"""The anti-replay window: by itself, and in front of packets that are lost, doubled and out of order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import IpsecAuthentication
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.replay import WINDOW_SIZES, ReplayWindow
from agent.core.ipsec.sa import SaProtocol
from tests.support.protection import Transform, one_way, packet

QUICK = Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_SHA1_96, None)


def taken(window: ReplayWindow, *numbers: int) -> list[int]:
    """Which of the numbers the window takes, one after the other."""
    found = []
    for number in numbers:
        if window.is_fresh(number):
            window.record(number)
            found.append(number)
    return found


def test_each_number_is_taken_once() -> None:
    assert taken(ReplayWindow(32), 1, 1, 2, 3, 2, 5, 4, 4, 5) == [1, 2, 3, 5, 4]


def test_there_is_no_number_zero() -> None:
    assert taken(ReplayWindow(64), 0, 1, 0) == [1]


@pytest.mark.parametrize("size", [32, 64])
def test_what_lies_below_the_window_is_refused_though_it_was_never_seen(size: int) -> None:
    window = ReplayWindow(size)
    assert taken(window, 1000, 1000 - size, 1000 - size + 1) == [1000, 1000 - size + 1]


@pytest.mark.parametrize("size", [32, 64])
def test_a_leap_beyond_the_window_forgets_what_is_below(size: int) -> None:
    window = ReplayWindow(size)
    assert taken(window, 10, 10 + size, 10, 11) == [10, 10 + size, 11]
    assert window.bitmap < 1 << size


def test_a_window_of_none_takes_everything() -> None:
    window = ReplayWindow(0)
    assert taken(window, 5, 5, 1, 0, 2**32 - 1, 0) == [5, 5, 1, 0, 2**32 - 1, 0]
    assert window.bitmap == 0


def test_asking_moves_nothing() -> None:
    window = ReplayWindow(32)
    assert window.is_fresh(2**32 - 1)
    assert (window.top, window.bitmap) == (0, 0)


@given(st.sampled_from(WINDOW_SIZES[1:]), st.lists(st.integers(0, 300), max_size=60))
def test_the_window_is_the_set_of_the_numbers_it_took(size: int, numbers: list[int]) -> None:
    window, seen = ReplayWindow(size), set[int]()
    for number in numbers:
        top = max(seen, default=0)
        expected = number > 0 and number not in seen and number > top - size
        assert window.is_fresh(number) is expected
        if expected:
            window.record(number)
            seen.add(number)


@given(st.sampled_from(WINDOW_SIZES), st.lists(st.integers(1, 9), max_size=10), st.integers(1, 200))
def test_a_run_leaves_the_window_as_its_numbers_do(size: int, steps: list[int], count: int) -> None:
    windows = ReplayWindow(size), ReplayWindow(size)
    number = 0
    for step in steps:
        number += step
        for window in windows:
            window.record(number)
    windows[0].record_run(count)
    for each in range(count):
        windows[1].record(number + 1 + each)
    assert (windows[0].top, windows[0].bitmap) == (windows[1].top, windows[1].bitmap)


@given(
    window=st.sampled_from([32, 64]),
    # How far each packet arrives behind its turn, and how often: 0 is a loss.
    journeys=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), min_size=1, max_size=150),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_path_does_a_packet_is_delivered_once_at_most_and_never_from_below_the_window(
    window: int, journeys: list[tuple[int, int]]
) -> None:
    way = one_way(QUICK, window=window)
    sent = [way.send_one(packet(40 + turn)) for turn in range(len(journeys))]
    arrivals = sorted(
        (turn + late, copy, turn) for turn, (late, copies) in enumerate(journeys) for copy in range(copies)
    )
    delivered, top = set[int](), 0
    for _, _, turn in arrivals:
        number = turn + 1
        is_due = turn not in delivered and number > top - window
        result = way.receive(sent[turn])
        assert result == (packet(40 + turn) if is_due else Drop(DropReason.REPLAY))
        if is_due:
            delivered.add(turn)
            top = max(top, number)
    assert way.inbound.statistics.packets == len(delivered)
    assert way.inbound.statistics.replay_drops == len(arrivals) - len(delivered)


def test_a_forged_number_moves_no_window() -> None:
    way = one_way(QUICK)
    wire = bytearray(way.send_one(packet()))
    wire[24:28] = (1_000_000).to_bytes(4)
    assert way.reason(bytes(wire)) is DropReason.AUTHENTICATION
    assert way.inbound.replay.top == 0
    assert way.receive(way.send_one(packet())) == packet()


def test_a_replay_is_refused_before_it_is_authenticated() -> None:
    way = one_way(QUICK)
    wire = way.send_one(packet())
    assert way.receive(wire) == packet()
    assert way.reason(wire[:-1] + b"?") is DropReason.REPLAY
    assert way.inbound.statistics.authentication_failures == 0


def test_what_is_not_authenticated_has_no_window() -> None:
    way = one_way(Transform(SaProtocol.ESP, None), window=64)
    wire = way.send_one(packet())
    assert way.receive(wire) == way.receive(wire) == packet()
    assert way.inbound.statistics.replay_drops == 0


def test_a_window_that_is_restored_goes_on_where_the_other_was() -> None:
    way, standby = one_way(QUICK), one_way(QUICK)
    wires = [way.send_one(packet()) for _ in range(5)]
    for wire in wires[:2] + wires[3:]:
        assert way.receive(wire) == packet()
    standby.inbound.restore(way.inbound.state)
    assert [standby.receive(wire) == packet() for wire in wires] == [False, False, True, False, False]
    standby.outbound.restore(way.outbound.state)
    assert way.receive(standby.send_one(packet())) == packet()
