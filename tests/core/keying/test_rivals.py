"""Both ends may begin to rekey at once: then there are two new pairs, and both ends keep the same."""

from collections.abc import Callable

import pytest

from agent.core.device import Device
from agent.core.ike.agreement import Terms
from agent.core.keying import TunnelSa
from agent.core.keying.pair import SaPair
from agent.core.link import LinkProfile
from agent.core.peer import Peer
from tests.support.devices import LOCAL, NEAR, Lab, device_config, installed, is_mirrored, spis
from tests.support.gateways import policy

SEEDS = range(6)
DELAY_US = LinkProfile().delay_us


def begin(gateway: Device | Peer, association: TunnelSa) -> None:
    """Have one end negotiate a successor now, whatever is left of the pair in use."""
    dynamic = association.plan.dynamic
    assert dynamic is not None
    plan = association.plan
    local, remote = plan.local_identity, plan.remote_identity
    terms = Terms(association.name, dynamic.policy, association.mode, local, remote, gateway.sad.allocate)
    (sa,) = [each for each in gateway.ike_sas.values() if each.is_matured]
    sa.negotiate(terms)


def device_begins(lab: Lab) -> None:
    begin(lab.device, lab.association())


def near_begins(lab: Lab) -> None:
    begin(lab.near, lab.opposite())


def run_us(lab: Lab, microseconds: int) -> None:
    lab.world.advance(lab.world.now + microseconds)


def new_pairs(lab: Lab) -> tuple[SaPair, SaPair]:
    """The two pairs of the device that both have come after the first."""
    _, one, other = lab.association().pairs
    return one, other


def settled(lab: Lab) -> SaPair:
    """The pair that is left in the end, at both ends; there was one in use at either all the time."""
    for _ in range(100):
        lab.run(seconds=1)
        assert lab.association().current is not None
        assert lab.opposite().current is not None
    assert is_mirrored(lab)
    assert installed(lab) == (2, 2)
    (pair,) = lab.association().pairs
    return pair


def established(seed: int) -> Lab:
    return Lab(device_config(policy(NEAR)), seed=seed).start(seconds=100)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("first", "second"), [(device_begins, near_begins), (near_begins, device_begins)])
def test_a_rekey_that_begins_when_the_other_end_has_just_done_one_is_its_successor(
    first: Callable[[Lab], None], second: Callable[[Lab], None], seed: int
) -> None:
    lab = established(seed)
    first(lab)
    run_us(lab, 4 * DELAY_US)
    second(lab)
    run_us(lab, 4 * DELAY_US)
    _, last = new_pairs(lab)
    assert lab.association().current is last
    assert settled(lab) is last


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("apart_us", [0, DELAY_US // 2, DELAY_US])
def test_of_two_rekeys_that_cross_both_ends_keep_the_one_with_the_lowest_spi(apart_us: int, seed: int) -> None:
    lab = established(seed)
    device_begins(lab)
    run_us(lab, apart_us)
    near_begins(lab)
    run_us(lab, 4 * DELAY_US)
    lowest = min(new_pairs(lab), key=lambda pair: min(spis(pair)))
    assert settled(lab) is lowest


@pytest.mark.parametrize("seed", SEEDS)
def test_an_end_that_begins_while_it_answers_the_other_has_the_last_word(seed: int) -> None:
    lab = established(seed)
    device_begins(lab)
    run_us(lab, DELAY_US + 1)
    near_begins(lab)
    run_us(lab, 4 * DELAY_US)
    _, last = new_pairs(lab)
    assert settled(lab) is last


def test_where_a_lost_message_hides_from_one_end_that_they_crossed_both_come_to_the_same() -> None:
    lowest_is_ours = set()
    for seed in SEEDS:
        lab = established(seed)
        lab.network.set_profile(NEAR, LOCAL, LinkProfile(is_partitioned=True))
        near_begins(lab)
        lab.network.set_profile(NEAR, LOCAL, LinkProfile())
        device_begins(lab)
        lab.run(seconds=5)
        ours, theirs = new_pairs(lab)
        lowest = min(ours, theirs, key=lambda pair: min(spis(pair)))
        lowest_is_ours.add(lowest is ours)
        assert settled(lab) is lowest
    assert lowest_is_ours == {True, False}
