"""A PIC that takes over goes on where the other was: no number is sent twice, and no packet taken twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.ipsec.outbound import NUMBERS
from agent.core.ipsec.refusal import Drop
from agent.core.pic import PicCommand
from agent.core.pic.sync import RESERVED
from agent.core.traffic.sample import sample
from tests.support.devices import LOCAL, NEAR, Lab, peer_config
from tests.support.redundancy import BACKUP, PRIMARY, SA, TWO_PICS, with_manual
from tests.support.windows import windowed


def two_pics() -> Lab:
    """A device with two PICs, whose tunnel keeps replayed packets out at both ends."""
    return Lab(windowed(with_manual(TWO_PICS)), near=windowed(peer_config(NEAR))).start()


def send(each: Lab) -> bytes:
    """Protect a packet at the device, and return it."""
    sent = each.device.protection.protect(SA, sample(each.association().plan, 100))
    assert isinstance(sent, tuple)
    return sent[0]


def sent_by_peer(each: Lab) -> bytes:
    """Protect a packet at the peer, and return it."""
    sent = each.near.protection.protect(f"to-{LOCAL}", sample(each.opposite().plan, 100))
    assert isinstance(sent, tuple)
    return sent[0]


def number(wire: bytes) -> int:
    """Return the sequence number of an ESP packet without options in front."""
    return int.from_bytes(wire[24:28])


def is_taken(each: Lab, wire: bytes) -> bool:
    """Have a packet arrive at the device."""
    return not isinstance(each.device.protection.open(wire), Drop)


def fail_over(each: Lab) -> None:
    """Let the active PIC fail, and come back to stand by."""
    (active,) = [pic.name for pic in each.device.pics.values() if pic.is_active]
    each.device.set_pic(active, PicCommand.FAULT)
    each.device.set_pic(active, PicCommand.ONLINE)


def switch(each: Lab) -> None:
    """Switch by hand."""
    each.device.switch_interfaces()


@given(st.lists(st.integers(1, 3 * RESERVED) | st.sampled_from([fail_over, switch]), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_numbers_go_up_whatever_happens_to_the_pics(steps: list[int | Callable[[Lab], None]]) -> None:
    each = two_pics()
    numbers, failures = [0], 0
    for step in steps:
        if isinstance(step, int):
            numbers += [number(send(each)) for _ in range(step)]
        else:
            step(each)
            failures += step is fail_over
    assert numbers == sorted(set(numbers)), "none twice, none backwards"
    assert numbers[-1] - (len(numbers) - 1) < failures * RESERVED or numbers[-1] == len(numbers) - 1


def lose_both(each: Lab) -> None:
    """Let both PICs fail, and come back a moment later."""
    for name in (PRIMARY, BACKUP):
        each.device.set_pic(name, PicCommand.FAULT)
    each.run(seconds=0.01)
    for name in (PRIMARY, BACKUP):
        each.device.set_pic(name, PicCommand.ONLINE)


def clear(each: Lab) -> None:
    """Have another pair be negotiated."""
    each.device.clear_ipsec_sas()


def wait(seconds: float) -> Callable[[Lab], None]:
    """Return the passing of a time."""

    def act(each: Lab) -> None:
        each.run(seconds=seconds)

    return act


HAPPENINGS = [fail_over, switch, lose_both, clear, *(wait(seconds) for seconds in (0.004, 1, 23_040))]
"""A pair is replaced 23,040 seconds after it was made, in messages that take 0.005 each."""


@given(st.lists(st.integers(1, 2 * RESERVED) | st.sampled_from(HAPPENINGS), min_size=1, max_size=12))
@example([5, fail_over, 5, wait(23_040), 5, fail_over, 5, wait(0.004), 3, fail_over, 3, lose_both, 4, wait(1), 9])
@settings(max_examples=30, deadline=None)
def test_whatever_happens_no_number_of_an_sa_is_used_twice_and_no_packet_taken_twice(
    steps: list[int | Callable[[Lab], None]],
) -> None:
    each = two_pics()
    used: list[bytes] = []
    fresh, stale = list[bytes](), list[bytes]()
    for step in steps:
        if callable(step):
            step(each)
        else:
            used += [wire[20:28] for wire in all_sent(each, step)]
            fresh += all_sent_by_peer(each, step)
        assert [wire for wire in stale if is_taken(each, wire)] == []
        arriving, fresh = fresh[::2], fresh[1::2]
        stale += [wire for wire in arriving if is_taken(each, wire)]
        assert [wire for wire in arriving if is_taken(each, wire)] == []
    assert len(set(used)) == len(used), "an SPI with a number"


def all_sent(each: Lab, count: int) -> list[bytes]:
    """Protect packets at the device, and return those that there is an SA for."""
    plan, protection = each.association().plan, each.device.protection
    sent = [protection.protect(SA, sample(plan, 100)) for _ in range(count)]
    return [wire for wires in sent if isinstance(wires, tuple) for wire in wires]


def all_sent_by_peer(each: Lab, count: int) -> list[bytes]:
    """Protect packets at the peer, and return those that there is an SA for."""
    plan, protection = each.opposite().plan, each.near.protection
    sent = [protection.protect(f"to-{LOCAL}", sample(plan, 100)) for _ in range(count)]
    return [wire for wires in sent if isinstance(wires, tuple) for wire in wires]


def test_a_failure_skips_what_may_have_been_sent_and_a_switch_by_hand_nothing() -> None:
    each = two_pics()
    for _ in range(3):
        send(each)
    switch(each)
    assert number(send(each)) == 4
    fail_over(each)
    assert number(send(each)) == RESERVED + 1


@pytest.mark.parametrize("change", [fail_over, switch])
def test_no_packet_is_taken_again_after_a_change_of_pics(change: Callable[[Lab], None]) -> None:
    each = two_pics()
    wires = [sent_by_peer(each) for _ in range(70)]
    assert [is_taken(each, wire) for wire in wires[:50:2]] == [True] * 25
    change(each)
    assert [is_taken(each, wire) for wire in wires[:50:2]] == [False] * 25
    assert [is_taken(each, wire) for wire in wires[1:50:2]] == [True] * 25, "those were still under way"
    assert [is_taken(each, wire) for wire in wires[50:]] == [True] * 20, "and nothing else is lost"
    assert each.association().inbound.replay_drops == 25


def test_what_is_under_way_when_a_pic_fails_still_arrives() -> None:
    each = two_pics()
    late = [send(each) for _ in range(RESERVED)][-2:]
    send(each)
    fail_over(each)
    opened = [each.near.protection.open(wire) for wire in (send(each), *late)]
    assert all(isinstance(each_, bytes) for each_ in opened)


def test_the_last_numbers_are_not_passed_by_a_failure() -> None:
    each = two_pics()
    pair = each.association().current
    assert pair is not None
    pair.outbound.sequence = NUMBERS - 3
    fail_over(each)
    assert pair.outbound.sequence == NUMBERS - 1


def test_a_manual_sa_begins_anew_where_its_numbers_end() -> None:
    each = two_pics()
    (pair,) = each.device.security_associations["manual"].pairs
    pair.outbound.sequence = NUMBERS - 3
    fail_over(each)
    assert pair.outbound.sequence == 0


def test_packets_for_a_pair_without_an_active_pic_are_lost_and_counted() -> None:
    each = two_pics()
    wire = sent_by_peer(each)
    each.device.set_pic(BACKUP, PicCommand.OFFLINE)
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert not is_taken(each, wire)
    assert isinstance(each.device.protection.protect(SA, b"no matter"), Drop)
    assert each.device.interface_redundancy[PRIMARY].lost_packets == 2
    assert each.device.interfaces[PRIMARY].statistics.unknown_spi_drops == 0
