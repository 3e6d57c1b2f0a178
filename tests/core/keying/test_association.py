"""A security association with its pairs, one after the other."""

from agent.core.config import Direction, IpsecAuthentication, SaMode
from agent.core.identifiers import Spi
from agent.core.ipsec.sa import IpsecSa, SaKeys, SaProtocol, SaStatistics, SaType
from agent.core.keying import TunnelSa
from agent.core.keying.pair import SaPair
from agent.core.keying.plan import plans
from agent.core.world import World
from tests.support.devices import NEAR, device_config
from tests.support.gateways import policy


def association() -> TunnelSa:
    (plan,) = plans(device_config(policy(NEAR))).values()
    return TunnelSa(plan)


def pair(inbound: int, outbound: int) -> SaPair:
    def sa(direction: Direction, spi: int) -> IpsecSa:
        return IpsecSa(
            direction=direction,
            spi=Spi(spi),
            aux_spi=Spi(0),
            mode=SaMode.TUNNEL,
            type=SaType.DYNAMIC,
            protocol=SaProtocol.ESP,
            authentication_algorithm=IpsecAuthentication.HMAC_MD5_96,
            encryption_algorithm=None,
            keys=SaKeys(),
        )

    return SaPair(sa(Direction.INBOUND, inbound), sa(Direction.OUTBOUND, outbound))


def test_its_sas_are_listed_by_direction_and_spi_the_older_pair_first() -> None:
    each = association()
    each.add(pair(1000, 2000))
    each.add(pair(1001, 2001))
    inbound, outbound = Direction.INBOUND, Direction.OUTBOUND
    assert list(each.sas) == [(inbound, 1000), (outbound, 2000), (inbound, 1001), (outbound, 2001)]


def test_an_sa_that_vanishes_while_they_are_walked_over_is_skipped() -> None:
    each = association()
    first, second, third = pair(1000, 2000), pair(1001, 2001), pair(1002, 2002)
    for one in (first, second, third):
        each.add(one)
    walk = each.each_sa()
    seen = [next(walk).spi, next(walk).spi]
    each.remove(second)
    seen += [sa.spi for sa in walk]
    assert seen == [1000, 2000, 1002, 2002]


def test_the_pair_in_use_is_the_newest_that_none_has_taken_the_place_of() -> None:
    each, world = association(), World(now=0, seed=1)
    assert each.current is None
    first, second = pair(1000, 2000), pair(1001, 2001)
    each.add(first)
    each.add(second)
    assert each.current is second
    second.handover = world.call_later(1, lambda: None)
    assert each.current is first
    each.remove(first)
    assert each.current is None


def test_what_pairs_have_carried_stays_counted_when_they_are_gone() -> None:
    each = association()
    old, new = pair(1000, 2000), pair(1001, 2001)
    each.add(old)
    old.inbound.statistics.bytes, old.inbound.statistics.packets = 100, 1
    old.outbound.statistics.packets = 7
    old.inbound.statistics.replay_drops = 3
    each.add(new)
    new.inbound.statistics.bytes, new.inbound.statistics.packets = 50, 2
    before = each.inbound
    assert before == SaStatistics(bytes=150, packets=3, replay_drops=3)
    each.remove(old)
    assert each.inbound == before
    assert each.outbound == SaStatistics(packets=7)
    # What is handed out is a copy.
    each.inbound.packets += 1
    assert each.inbound == before
