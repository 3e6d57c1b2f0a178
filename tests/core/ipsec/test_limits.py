"""Where an SA ends: sequence numbers and octets, and who is told, when, and how often."""

from __future__ import annotations

import pytest

from agent.core.config import EncryptionAlgorithm, IpsecAuthentication
from agent.core.ipsec.lifetime import Lifetime, Usage
from agent.core.ipsec.outbound import NUMBERS, REKEY_AT
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import IpsecSa, SaProtocol, SaType
from agent.core.world import SECOND, World
from tests.support.lifetimes import Waiting, telling
from tests.support.protection import INTERFACE, OneWay, Transform, one_way, packet, security_association

QUICK = Transform(SaProtocol.ESP, IpsecAuthentication.HMAC_SHA1_96, None)


def lifetime(usage: Usage, octets: int | None) -> Lifetime:
    return Lifetime(World(now=0, seed=1), 100 * SECOND, octets, usage)


def watch(sa: IpsecSa, told: list[str], soft: int | None = None, hard: int | None = None) -> None:
    usage = sa.usage
    usage.watch(lifetime(usage, soft), lifetime(usage, hard), telling(told))


def reason(way: OneWay) -> DropReason:
    dropped = way.sender.processor.outbound(packet(), INTERFACE)
    assert isinstance(dropped, Drop)
    return dropped.reason


# Sequence numbers


def test_numbers_begin_with_one() -> None:
    way = one_way(QUICK)
    assert way.send_one(packet())[24:28] == b"\0\0\0\1"
    assert way.send_one(packet())[24:28] == b"\0\0\0\2"


def test_a_dynamic_sa_calls_for_a_successor_long_before_its_last_number_and_once() -> None:
    way, told = one_way(QUICK), list[str]()
    watch(way.outbound, told)
    way.outbound.sequence = REKEY_AT - 2
    way.send(packet())
    assert told == []
    way.send(packet())
    way.send(packet())
    assert told == ["soft"]
    assert NUMBERS - REKEY_AT > 800_000_000


def test_a_dynamic_sa_stops_after_its_last_number() -> None:
    way = one_way(QUICK)
    way.outbound.sequence = NUMBERS - 2
    assert way.send_one(packet())[24:28] == b"\xff\xff\xff\xff"
    assert reason(way) is reason(way) is DropReason.SEQUENCE_EXHAUSTED
    assert way.outbound.statistics.packets == 1
    assert way.outbound.sequence == NUMBERS - 1


def test_a_dynamic_sa_stops_even_where_the_other_end_has_no_window() -> None:
    way = one_way(QUICK, window=0)
    way.outbound.sequence = NUMBERS - 1
    assert reason(way) is DropReason.SEQUENCE_EXHAUSTED


def test_a_manual_sa_begins_again_and_all_is_delivered() -> None:
    way, told = one_way(QUICK, type_=SaType.MANUAL, window=0), list[str]()
    watch(way.outbound, told)
    way.outbound.sequence = NUMBERS - 2
    numbers = []
    for _ in range(3):
        wire = way.send_one(packet())
        numbers.append(int.from_bytes(wire[24:28]))
        assert way.receive(wire) == packet()
    assert numbers == [NUMBERS - 1, 0, 1]
    assert told == []


def test_both_headers_of_a_bundle_have_the_same_number() -> None:
    way = one_way(Transform(SaProtocol.AH_ESP))
    way.outbound.sequence = 6
    wire = way.send_one(packet())
    assert wire[28:32] == wire[48:52] == b"\0\0\0\7"


# Octets


def test_what_is_encrypted_counts_padding_included() -> None:
    way = one_way(Transform())
    way.send(packet(100))
    # 100 octets and a trailer of 2 make 13 blocks of 8.
    assert way.outbound.usage.bytes == 104
    assert way.outbound.statistics.bytes == 100
    way.receive(way.send_one(packet(100)))
    assert way.inbound.usage.bytes == 104


def test_of_ah_all_that_is_authenticated_counts() -> None:
    way = one_way(Transform(SaProtocol.AH, encryption=None))
    wire = way.send_one(packet(100))
    way.receive(wire)
    assert way.outbound.usage.bytes == way.inbound.usage.bytes == len(wire) == 144


def test_in_a_bundle_what_is_encrypted_counts() -> None:
    way = one_way(Transform(SaProtocol.AH_ESP, encryption=EncryptionAlgorithm.DES_CBC))
    way.receive(way.send_one(packet(100)))
    assert way.outbound.usage.bytes == way.inbound.usage.bytes == 104


def test_each_limit_is_told_once_with_the_packet_that_reaches_it() -> None:
    way, told = one_way(Transform()), list[str]()
    watch(way.outbound, told, soft=208, hard=300)
    history = []
    for _ in range(3):
        way.send(packet(100))
        history.append(tuple(told))
    assert history == [(), ("soft",), ("soft", "hard")]


def test_no_packet_passes_once_the_hard_limit_is_reached_even_if_nobody_listens() -> None:
    way, told = one_way(Transform()), list[str]()
    watch(way.outbound, told, soft=80, hard=104)
    way.outbound.usage.cancel()
    way.send(packet(100))
    assert reason(way) is DropReason.LIFETIME
    assert told == []
    assert way.outbound.statistics.packets == 1


def test_an_inbound_sa_has_its_limits_as_well() -> None:
    way, told = one_way(Transform()), list[str]()
    watch(way.inbound, told, soft=100, hard=208)
    wires = [way.send_one(packet(100)) for _ in range(3)]
    assert [way.receive(wire) == packet() for wire in wires] == [True, True, False]
    assert told == ["soft", "hard"]
    assert way.receiver.drops() == {DropReason.LIFETIME: 1}


def test_a_packet_that_is_refused_uses_nothing_up() -> None:
    way = one_way(Transform())
    wire = way.send_one(packet(100))
    assert way.reason(wire[:-1] + bytes((wire[-1] ^ 1,))) is DropReason.AUTHENTICATION
    assert way.inbound.usage.bytes == way.inbound.statistics.bytes == 0


def test_the_one_who_is_told_may_replace_the_sa_at_once() -> None:
    way = one_way(Transform())
    successor = security_association(Transform(), spi=0x1100)

    def on_hard() -> None:
        way.sender.processor.detach(way.outbound)
        way.sender.sad.remove(way.outbound)
        way.sender.add(successor, way.sender.path())

    usage = way.outbound.usage
    usage.watch(lifetime(usage, None), lifetime(usage, 104), Waiting(on_hard=on_hard))
    spis = [way.send_one(packet(100))[20:24].hex() for _ in range(2)]
    assert spis == ["00001000", "00001100"]
    assert successor.statistics.packets == 1


@pytest.mark.parametrize("octets", [50, 104])
def test_a_limit_reached_in_one_leap_tells_both_in_order(octets: int) -> None:
    way, told = one_way(Transform()), list[str]()
    watch(way.outbound, told, soft=octets // 2, hard=octets)
    way.send(packet(100))
    assert told == ["soft", "hard"]
