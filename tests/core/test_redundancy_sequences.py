"""Whatever befalls PICs and peers: one is Active where one can be, no SA is lost on a switch, each switch counts once.

A step is something that fails, comes back or is switched, and some time. What must hold is asked after every step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.keying import InterfaceFamilyState, NoBackup
from agent.core.pic import BackupOffline, PicCommand
from agent.core.world import SECOND
from tests.support.devices import FAR, NEAR, Lab
from tests.support.redundancy import (
    ACTIVE,
    BACKUP,
    OFFLINE,
    PRIMARY,
    SA,
    STANDBY,
    TWO_OF_BOTH,
    interface_switches,
    lab,
    peer_states,
    pic_states,
    tunnel_switches,
    with_manual,
)

NAMES = (PRIMARY, BACKUP)
Act = Callable[[Lab], object]


def command(name: str, given_: PicCommand) -> Act:
    """Return the act of making a PIC do something."""
    return lambda each: each.device.set_pic(name, given_)


def reach(is_near: bool, reachable: bool) -> Act:
    """Return the act of making a peer speak or fall silent."""

    def act(each: Lab) -> None:
        (each.near if is_near else each.far).reachable = reachable

    return act


ON_PICS = st.one_of(
    st.builds(command, st.sampled_from(NAMES), st.sampled_from(PicCommand)),
    st.sampled_from([None, *NAMES]).map(lambda name: lambda each: each.device.switch_interfaces(name)),
)
ON_PEERS = st.one_of(
    st.builds(reach, st.booleans(), st.booleans()),
    st.just(lambda each: each.device.switch_tunnels(SA)),
    st.just(lambda each: each.device.clear_ike_sas()),
    st.just(lambda each: each.device.clear_ipsec_sas()),
)
STEPS = st.lists(
    st.tuples(
        st.one_of(ON_PICS.map(lambda act: (True, act)), ON_PEERS.map(lambda act: (False, act))),
        st.sampled_from([0.0, 0.03, 1.0, 4.0, 33.0, 100.0]),
    ),
    max_size=12,
)


def sas(each: Lab) -> list[tuple[object, ...]]:
    """Return every SA with its keys and the end of its lifetime, and every IKE SA."""
    ipsec = [
        (name, sa.direction, sa.spi, sa.keys, sa.expires_at, sa.is_installed)
        for name, association in each.device.security_associations.items()
        for sa in association.sas.values()
    ]
    return [*ipsec, *((sa.id, sa.cookies) for sa in each.sas)]


def active(each: Lab) -> str | None:
    """Return the PIC that is Active."""
    found = [name for name, pic in each.device.pics.items() if pic.is_active]
    assert len(found) <= 1
    return found[0] if found else None


class Witness:
    """Follows a device from step to step, and says what is wrong."""

    def __init__(self) -> None:
        self.lab = lab(with_manual(TWO_OF_BOTH), pic_boot_us=3 * SECOND).start(seconds=5)
        self.last_active = active(self.lab)
        self.switches = 0
        assert self.last_active == PRIMARY

    def act(self, act: Act, *, is_on_pics: bool) -> None:
        """Do something at one instant, and see what it did at once."""
        before, sent, states = sas(self.lab), len(self.lab.network.sent), pic_states(self.lab)
        counted = len(interface_switches(self.lab))
        refused = False
        try:
            act(self.lab)
        except (BackupOffline, NoBackup):
            refused = True
        self.check()
        if refused:
            assert (pic_states(self.lab), len(interface_switches(self.lab))) == (states, counted)
        if refused or (is_on_pics and ACTIVE in states and active(self.lab) is not None):
            assert sas(self.lab) == before, "the PIC that takes over inherits everything"
            assert len(self.lab.network.sent) == sent, "and nothing is negotiated"

    def run(self, seconds: float) -> None:
        """Let time pass, during which nothing but time acts on the PICs: a boot ends at most."""
        self.lab.run(seconds=seconds)
        self.check()

    def check(self) -> None:
        """Ask what must hold at any time."""
        self._check_pics()
        self._check_tunnel()
        self._check_sas()

    def _check_pics(self) -> None:
        each, now = self.lab, active(self.lab)
        assert (now is not None) == any(state is not OFFLINE for state in pic_states(each))
        if now is not None and now != self.last_active:
            self.last_active = now
            self.switches += 1
        told = interface_switches(each)
        assert len(told) == self.switches == each.device.interface_redundancy[PRIMARY].failure_counter
        assert [event.failure_counter for event in told] == list(range(1, len(told) + 1))
        assert all(earlier.to_interface == later.from_interface for earlier, later in pairwise(told))

    def _check_tunnel(self) -> None:
        told, tunnel = tunnel_switches(self.lab), self.lab.device.tunnel_redundancy[SA]
        assert [event.failure_counter for event in told] == list(range(1, len(told) + 1))
        assert tunnel.failure_counter == len(told)
        assert tunnel.remote_address == (FAR if len(told) % 2 else NEAR)
        assert peer_states(self.lab).count(ACTIVE) <= 1

    def _check_sas(self) -> None:
        each, is_carried = self.lab, active(self.lab) is not None
        for association in each.device.security_associations.values():
            assert (association.interface_family is InterfaceFamilyState.UP) == is_carried
            assert all(sa.is_installed for sa in association.sas.values()) or not is_carried
        copies = each.device.interface_redundancy[PRIMARY].mirror.copies
        held = [sa for held in copies.values() for sa in held]
        assert len(held) == (each.device.sad.installed if STANDBY in pic_states(each) else 0)
        assert (each.device.sad.installed > 0) == is_carried, "what is keyed by hand is always there"


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_one_is_active_where_one_can_be_no_sa_is_lost_and_every_switch_is_counted_once(
    steps: list[tuple[tuple[bool, Act], float]],
) -> None:
    witness = Witness()
    for (is_on_pics, act), seconds in steps:
        witness.act(act, is_on_pics=is_on_pics)
        witness.run(seconds)
    each = witness.lab
    # Once all is well again, there is a tunnel over a PIC.
    each.near.reachable = each.far.reachable = True
    for name in NAMES:
        each.device.set_pic(name, PicCommand.ONLINE)
    for _ in range(4):
        witness.run(60)
    assert sorted(pic_states(each), key=str) == [ACTIVE, STANDBY]
    assert ACTIVE in peer_states(each)
    (pair,) = (pair for pair in each.association().pairs if not pair.is_retired)
    remote = each.association().current_remote_address
    assert remote is not None
    theirs = {sa.spi for sa in each.opposite(remote).sas.values()}
    assert {pair.inbound.spi, pair.outbound.spi} <= theirs
    assert {sa.remote.address for sa in each.matured} == {remote}


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_the_same_seed_and_the_same_steps_are_the_same_story(steps: list[tuple[tuple[bool, Act], float]]) -> None:
    def story() -> list[object]:
        each = lab(with_manual(TWO_OF_BOTH), pic_boot_us=3 * SECOND).start(seconds=5)
        for (_, act), seconds in steps:
            with suppress(BackupOffline):
                act(each)
            each.run(seconds=seconds)
        return [*each.events, *each.pic_events, *(datagram.payload for datagram in each.network.sent)]

    assert story() == story()
