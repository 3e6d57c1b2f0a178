"""Packets that are only counted leave everything as packets that are really processed do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication, SaMode
from agent.core.identifiers import Spi
from agent.core.ipsec.lifetime import Lifetime
from agent.core.ipsec.outbound import NUMBERS, REKEY_AT
from agent.core.ipsec.processor import HOST, Run
from agent.core.ipsec.refusal import DropReason
from agent.core.ipsec.sa import IpsecSa, SaProtocol, SaType
from agent.core.world import SECOND, World
from tests.support.lifetimes import Waiting
from tests.support.protection import INTERFACE, SPI, OneWay, Side, Transform, one_way, packet, security_association

TRANSFORMS = [
    Transform(),
    Transform(SaProtocol.ESP, None, EncryptionAlgorithm.DES_CBC),
    Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_MD5_96, None),
    Transform(SaProtocol.AH, encryption=None),
    Transform(SaProtocol.AH_ESP, encryption=EncryptionAlgorithm.DES_CBC),
]


@dataclass(frozen=True)
class Case:
    """A flow of packets and what limits it."""

    transform: Transform
    mode: SaMode
    type_: SaType
    version: int
    size: int
    before: int
    count: int
    window: int
    soft: int | None
    hard: int | None
    replaces: bool
    sequence: int


def lifetime(sa: IpsecSa, octets: int | None) -> Lifetime:
    return Lifetime(World(now=0, seed=1), 100 * SECOND, octets, sa.usage)


def observed(side: Side, sas: list[IpsecSa]) -> Any:
    return side.drops(), [(sa.state, sa.statistics, sa.usage.mark, sa.usage.end) for sa in sas]


def prepare(case: Case) -> tuple[OneWay, list[str], list[IpsecSa]]:
    """Both ends, what is told, and every outbound SA there has been."""
    way = one_way(
        case.transform, mode=case.mode, inner=case.version, outer=case.version, window=case.window, type_=case.type_
    )
    told, sas = list[str](), [way.outbound]
    for _ in range(case.before):
        way.receive(way.send_one(packet(version=case.version)))
    way.outbound.sequence = max(way.outbound.sequence, case.sequence)

    def on_soft() -> None:
        told.append(f"soft {way.outbound.statistics.packets}")
        if case.replaces:
            successor = security_association(case.transform, mode=case.mode, spi=SPI + 1)
            sas.append(successor)
            way.sender.add(successor, way.path)

    def on_hard() -> None:
        told.append(f"hard {way.outbound.statistics.packets}")

    for sa, waiting in ((way.outbound, Waiting(on_soft, on_hard)), (way.inbound, Waiting())):
        sa.usage.watch(lifetime(sa, case.soft), lifetime(sa, case.hard), waiting)
    return way, told, sas


@st.composite
def cases(draw: st.DrawFn) -> Case:
    window = draw(st.sampled_from([0, 32, 64]))
    type_ = draw(st.sampled_from([SaType.DYNAMIC, SaType.MANUAL])) if not window else SaType.DYNAMIC
    hard = draw(st.none() | st.integers(1, 4000))
    return Case(
        transform=draw(st.sampled_from(TRANSFORMS)),
        mode=draw(st.sampled_from(list(SaMode))),
        type_=type_,
        version=draw(st.sampled_from([4, 6])),
        size=draw(st.integers(60, 300)),
        before=draw(st.integers(0, 3)),
        count=draw(st.integers(0, 80)),
        window=window,
        soft=None if hard is None else hard * 4 // 5,
        hard=hard,
        replaces=draw(st.booleans()),
        sequence=draw(st.just(0) | st.integers(REKEY_AT - 30, REKEY_AT + 1) | st.integers(NUMBERS - 40, NUMBERS - 1)),
    )


@given(cases())
@settings(max_examples=200, deadline=None)
def test_counting_packets_is_like_sending_and_receiving_them(case: Case) -> None:
    octets = packet(case.size, version=case.version)
    real, real_told, real_sas = prepare(case)
    delivered = 0
    for _ in range(case.count):
        sent = real.sender.processor.outbound(octets, real.interface)
        if isinstance(sent, tuple):
            delivered += real.receive(sent[0]) == octets
    counted, counted_told, counted_sas = prepare(case)
    runs = counted.sender.processor.account_outbound(octets, case.count, counted.interface)
    assert sum(counted.receiver.processor.account_inbound(octets, run) for run in runs) == delivered
    assert counted_told == real_told
    assert observed(counted.sender, counted_sas) == observed(real.sender, real_sas)
    assert observed(counted.receiver, [counted.inbound]) == observed(real.receiver, [real.inbound])


@given(
    window=st.sampled_from([0, 32, 64]),
    taken=st.lists(st.integers(1, 200), max_size=20),
    first=st.integers(1, 200),
    count=st.integers(1, 150),
    hard=st.none() | st.integers(1, 6000),
)
@settings(max_examples=150, deadline=None)
def test_counting_arrivals_is_like_taking_them_wherever_the_window_is(
    window: int, taken: list[int], first: int, count: int, hard: int | None
) -> None:
    octets, quick = packet(60), TRANSFORMS[2]
    ways = one_way(quick, window=window), one_way(quick, window=window)
    wires = {number: ways[0].send_one(octets) for number in range(1, 351)}
    for way in ways:
        for number in taken:
            way.receive(wires[number])
        sa = way.inbound
        sa.usage.watch(lifetime(sa, hard), lifetime(sa, hard), Waiting())
    delivered = sum(ways[0].receive(wires[number]) == octets for number in range(first, first + count))
    run = Run(SaProtocol.ESP, Spi(SPI), first, count)
    assert ways[1].receiver.processor.account_inbound(octets, run) == delivered
    assert observed(ways[1].receiver, [ways[1].inbound]) == observed(ways[0].receiver, [ways[0].inbound])


def test_a_thousand_million_packets_cost_no_more_than_one() -> None:
    way = one_way()
    runs = way.sender.processor.account_outbound(packet(100), 10**9, INTERFACE)
    assert runs == (Run(SaProtocol.ESP, Spi(SPI), 1, 10**9),)
    assert way.receiver.processor.account_inbound(packet(100), runs[0]) == 10**9
    assert way.inbound.statistics.bytes == way.outbound.statistics.bytes == 10**11
    assert way.receive(way.send_one(packet())) == packet()
    assert way.inbound.replay.top == 10**9 + 1


def test_counted_packets_end_where_numbers_end() -> None:
    way = one_way()
    (run,) = way.sender.processor.account_outbound(packet(100), 5 * 10**9, INTERFACE)
    assert run.count == NUMBERS - 1
    assert way.sender.drops() == {DropReason.SEQUENCE_EXHAUSTED: 5 * 10**9 - NUMBERS + 1}


def test_counted_packets_that_no_policy_lets_pass_are_dropped() -> None:
    way = one_way()
    assert way.sender.processor.account_outbound(packet(back=True), 7, INTERFACE) == ()
    assert way.sender.processor.account_outbound(packet(), 5, HOST) == ()
    assert way.sender.processor.account_outbound(b"no packet", 3, INTERFACE) == ()
    assert way.sender.drops() == {DropReason.POLICY: 12, DropReason.MALFORMED: 3}
    assert way.outbound.statistics.packets == 0


def test_counted_packets_of_an_unknown_sa_are_dropped() -> None:
    way = one_way()
    assert way.receiver.processor.account_inbound(packet(), Run(SaProtocol.ESP, Spi(999), 1, 9)) == 0
    assert way.receiver.drops() == {DropReason.NO_SA: 9}


def test_counted_packets_that_came_through_the_wrong_sa_are_dropped() -> None:
    way = one_way()
    runs = way.sender.processor.account_outbound(packet(), 9, INTERFACE)
    way.receiver.processor.set_policies(INTERFACE, ())
    assert way.receiver.processor.account_inbound(packet(), runs[0]) == 0
    assert way.receiver.drops() == {DropReason.POLICY: 9}
    assert way.inbound.statistics.packets == 9


def test_packets_that_would_be_cut_first_can_not_be_counted() -> None:
    way = one_way(fragments_first=True)
    with pytest.raises(ValueError, match="cut"):
        way.sender.processor.account_outbound(packet(1500), 2, INTERFACE)
    assert way.outbound.statistics.packets == 0
