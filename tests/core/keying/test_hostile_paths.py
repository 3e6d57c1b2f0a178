"""Two gateways over paths that lose, delay, duplicate and reorder: they come to one IKE SA and one pair, or to none.

While the path is bad, and after, nothing may pile up: whatever is live is one, whatever waits has an end.
"""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import DhGroup, ExchangeMode, IkeConfig, IkeSettings, IpsecPolicy
from agent.core.device import Device
from agent.core.identifiers import IkeSaId, MessageId
from agent.core.keying import TunnelSa
from agent.core.link import LinkProfile
from agent.core.peer import Peer
from agent.core.world import SECOND
from tests.support.devices import ESP, LOCAL, NEAR, Lab, device_config, is_mirrored, peer_config
from tests.support.gateways import PROPOSAL, policy

SETTINGS = IkeSettings()
LONGEST_US = max(SETTINGS.phase1_timeout_us, SETTINGS.phase2_timeout_us) + SETTINGS.retransmission.span_us
"""How long anything that comes to nothing may take, until all that was kept for duplicates is gone as well."""
MOST_PAIRS = 4
"""The pair in use, its predecessor, and a rival of either: a handover takes less than half of the least lifetime."""

profiles = st.builds(
    LinkProfile,
    loss=st.floats(0, 0.6),
    duplication=st.floats(0, 0.6),
    jitter_us=st.sampled_from([0, 20_000, 3 * SECOND]),
)


@dataclass(frozen=True)
class Terms:
    """What the two ends are configured with: lifetimes that end while the path is bad, or do not."""

    mode: ExchangeMode
    group: DhGroup | None
    lifetime_seconds: int
    near_initiates: bool

    def lab(self, seed: int) -> Lab:
        proposal = replace(PROPOSAL, lifetime_seconds=self.lifetime_seconds)
        esp = replace(ESP, lifetime_seconds=self.lifetime_seconds)
        ipsec = IpsecPolicy("policy", (esp,), self.group)
        ours, theirs = (policy(each, mode=self.mode, proposals=(proposal,)) for each in (NEAR, LOCAL))
        near = replace(peer_config(NEAR, ipsec=ipsec), ike=IkeConfig((theirs,)))
        config = device_config(ours, ipsec=ipsec)
        return Lab(config, near=near, near_initiates=self.near_initiates, seed=seed)


all_terms = st.builds(
    Terms,
    st.sampled_from(ExchangeMode),
    st.sampled_from([None, DhGroup.GROUP1]),
    st.sampled_from([180, 600, 3600]),
    st.booleans(),
)


class Watch:
    """Looks at one end from second to second."""

    def __init__(self, gateway: Device | Peer, association: TunnelSa) -> None:
        self._gateway = gateway
        self._association = association
        self._since: dict[IkeSaId | tuple[IkeSaId, MessageId], int] = {}

    def look(self, now: int) -> None:
        """Fail if anything is there twice, or for too long."""
        pairs = self._association.pairs
        assert sum(not pair.is_retired for pair in pairs) <= 1
        assert len(pairs) <= MOST_PAIRS
        assert all(pair.inbound.is_installed and pair.outbound.is_installed for pair in pairs)
        assert self._gateway.sad.installed == 2 * len(pairs)
        unfinished: list[IkeSaId | tuple[IkeSaId, MessageId]] = []
        for sa in self._gateway.ike_sas.values():
            unfinished += [(sa.id, each) for each in sa.negotiations]
            unfinished += [] if sa.is_matured else [sa.id]
        self._since = {each: self._since.get(each, now) for each in unfinished}
        assert all(now - since <= LONGEST_US for since in self._since.values())


def live(lab: Lab, watches: tuple[Watch, ...], seconds: int) -> None:
    for _ in range(seconds):
        lab.run(seconds=1)
        for watch in watches:
            watch.look(lab.world.now)


def watched(lab: Lab) -> tuple[Watch, ...]:
    return Watch(lab.device, lab.association()), Watch(lab.near, lab.opposite())


def is_settled(lab: Lab) -> bool:
    return len(lab.association().pairs) == 1 and is_mirrored(lab) and len(lab.matured) == lab.near.established == 1


def dismantle(lab: Lab) -> None:
    """Take the tunnel and the policy from the configuration of both ends."""
    lab.device.reconfigure(device_config(tunnels=()))
    lab.near.reconfigure(device_config(tunnels=(), addresses=(NEAR,)))


def assert_nothing_is_left(lab: Lab) -> None:
    """No SA, no reserved SPI, no timer."""
    for gateway in (lab.device, lab.near):
        assert list(gateway.ike_sas.values()) == []
        assert (gateway.sad.installed, gateway.sad.reserved) == (0, 0)
        assert gateway.ike_statistics.half_open == 0
    assert lab.world.next_deadline() is None


@given(seed=st.integers(0, 2**32), terms=all_terms, out=profiles, back=profiles)
@settings(max_examples=60, deadline=None)
def test_whatever_the_path_does_there_is_one_of_each_when_it_is_well_again_and_nothing_when_all_is_over(
    seed: int, terms: Terms, out: LinkProfile, back: LinkProfile
) -> None:
    lab = terms.lab(seed)
    lab.network.set_profile(LOCAL, NEAR, out)
    lab.network.set_profile(NEAR, LOCAL, back)
    watches = watched(lab)
    lab.start(seconds=0)
    live(lab, watches, 200)
    lab.set_link(NEAR, LinkProfile())
    for _ in range(2 * terms.lifetime_seconds):
        live(lab, watches, 1)
        if is_settled(lab):
            break
    assert is_settled(lab)
    dismantle(lab)
    live(lab, watches, LONGEST_US // SECOND)
    assert_nothing_is_left(lab)


@given(seed=st.integers(0, 2**32), terms=all_terms, survived=st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_a_path_that_breaks_at_any_message_ends_in_a_clean_failure(seed: int, terms: Terms, survived: int) -> None:
    lab = terms.lab(seed)
    lab.start(seconds=0)
    while len(lab.network.sent) < survived and lab.world.now < SECOND:
        lab.run(seconds=0.001)
    lab.partition(NEAR)
    watches = watched(lab)
    live(lab, watches, terms.lifetime_seconds + 1)
    assert lab.association().pairs == lab.opposite().pairs == ()
    assert lab.matured == []
    assert lab.near.established == 0
    dismantle(lab)
    live(lab, watches, LONGEST_US // SECOND)
    assert_nothing_is_left(lab)
