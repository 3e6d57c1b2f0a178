"""Pairs are replaced before they end, and never missing in between."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import (
    DhGroup,
    IpsecPolicy,
)
from agent.core.events import IpsecSaDeleted, IpsecSaExpired, IpsecSaInstalled, IpsecSaRekeyed, LifetimeKind
from agent.core.ike.phase1 import Role
from agent.core.link import LinkProfile
from tests.support.devices import (
    ESP,
    IPSEC_POLICY,
    LOCAL,
    NEAR,
    Lab,
    device_config,
    installed,
    is_mirrored,
    lab_of,
    spis,
)
from tests.support.gateways import policy

SHORT = IpsecPolicy("short", (replace(ESP, lifetime_seconds=180),))
GROUP2 = replace(IPSEC_POLICY, perfect_forward_secrecy=DhGroup.GROUP2)


def test_the_soft_lifetime_calls_for_the_successor_and_both_pairs_are_there_until_it_is_in_use() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    (old,) = lab.association().pairs
    lab.run(seconds=23_039.045)
    assert lab.ipsec_story[1:] == ["IpsecSaExpired(soft)"]
    assert old.inbound.soft_lifetime is not None
    assert old.inbound.soft_lifetime.is_expired
    lab.run(seconds=1)
    assert lab.ipsec_story[1:] == ["IpsecSaExpired(soft)", "IpsecSaInstalled", "IpsecSaRekeyed"]
    pairs = lab.association().pairs
    assert pairs[0] is old
    assert len(pairs) == 2
    assert all(pair.inbound.is_installed and pair.outbound.is_installed for pair in pairs)
    assert lab.association().current is pairs[1]
    assert is_mirrored(lab)
    lab.run(seconds=40)
    assert lab.association().pairs == pairs[1:]
    assert lab.ipsec_story[4:] == ["IpsecSaDeleted(replaced)"]
    assert is_mirrored(lab)
    assert lab.association().rekeys == lab.opposite().rekeys == 1


def test_the_events_of_a_rekey_name_the_old_and_the_new_spis() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    (old,) = lab.association().pairs
    lab.run(seconds=23_200)
    (new,) = lab.association().pairs
    soft, installed, rekeyed, deleted = lab.ipsec_events[1:]
    assert soft == IpsecSaExpired(soft.at, "to-4.4.4.4", old.inbound.spi, old.outbound.spi, LifetimeKind.SOFT)
    assert isinstance(installed, IpsecSaInstalled)
    assert isinstance(rekeyed, IpsecSaRekeyed)
    assert (rekeyed.old_inbound_spi, rekeyed.old_outbound_spi) == spis(old)
    assert (
        (rekeyed.new_inbound_spi, rekeyed.new_outbound_spi)
        == spis(new)
        == (
            installed.inbound_spi,
            installed.outbound_spi,
        )
    )
    assert isinstance(deleted, IpsecSaDeleted)
    assert (deleted.inbound_spi, deleted.outbound_spi) == spis(old)
    assert soft.at < installed.at == rekeyed.at < deleted.at


def test_over_hundreds_of_rekeys_there_is_never_a_moment_without_an_installed_pair() -> None:
    lab = lab_of(SHORT).start()
    present: dict[int, int] = {1: 1}
    least: list[int] = []

    def watch(event: object) -> None:
        match event:
            case IpsecSaInstalled():
                present[1] += 1
            case IpsecSaDeleted():
                present[1] -= 1
                least.append(present[1])

    lab.world.bus.subscribe(watch)
    lab.run(seconds=86_400)
    rekeys = lab.association().rekeys
    assert rekeys > 500
    assert lab.ipsec_story.count("IpsecSaDeleted(replaced)") in (rekeys, rekeys - 1)
    assert min(least) == 1
    assert not {"IpsecSaExpired(hard)", "IpsecSaDeleted(expired)"} & set(lab.ipsec_story)
    assert is_mirrored(lab)
    assert installed(lab) in ((2, 2), (4, 4))


def test_the_responder_rekeys_only_if_the_initiator_has_not() -> None:
    lab = lab_of(SHORT, near_initiates=True).start(seconds=100)
    (first,) = lab.association().pairs
    lab.run(seconds=400)
    assert lab.association().rekeys >= 2
    assert all(pair.role is first.role for pair in lab.association().pairs)
    assert all(pair.role is not first.role for pair in lab.opposite().pairs)


def test_a_responder_whose_initiator_does_not_rekey_does_it_itself() -> None:
    # What the device sends to rekey is lost, until it has given up.
    lab = lab_of(SHORT, near_initiates=True).start(seconds=143)
    lab.network.set_profile(LOCAL, NEAR, LinkProfile(is_partitioned=True))
    lab.run(seconds=18)
    lab.network.set_profile(LOCAL, NEAR, LinkProfile())
    lab.run(seconds=39)
    (pair,) = lab.association().pairs
    assert pair.role is Role.RESPONDER
    assert is_mirrored(lab)
    assert "IpsecSaDeleted(peer-deleted)" not in lab.story


def test_without_a_successor_the_hard_lifetime_is_the_end() -> None:
    lab = lab_of(SHORT).start()
    lab.run(seconds=100)
    lab.partition(NEAR)
    lab.run(seconds=100)
    assert lab.association().pairs == ()
    assert installed(lab) == (0, 0)
    story = [each for each in lab.ipsec_story if not each.startswith("IpsecNegotiation")]
    assert story[1:] == ["IpsecSaExpired(soft)", "IpsecSaExpired(hard)", "IpsecSaDeleted(expired)"]
    lab.partition(NEAR, is_partitioned=False)
    lab.run(seconds=120)
    assert is_mirrored(lab)


def test_a_peer_that_does_not_answer_in_phase_2_is_unreachable_and_gets_a_new_ike_sa() -> None:
    lab = lab_of(SHORT).start()
    lab.run(seconds=100)
    lab.near.reachable = False
    lab.run(seconds=76)
    assert "IkeSaDeleted(peer-unreachable)" in lab.story
    assert lab.matured == []
    lab.near.reachable = True
    lab.run(seconds=100)
    assert is_mirrored(lab)


def test_the_end_of_an_ike_sa_takes_no_pair_with_it() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    before = lab.association().pairs
    lab.run(seconds=10_000)
    assert lab.ike_story.count("IkeSaDeleted(replaced)") == 3
    assert lab.association().pairs == before
    assert is_mirrored(lab)


def test_what_an_ike_sa_made_and_lost_is_counted() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    (ike_sa,) = lab.matured
    lab.device.clear_ipsec_sas()
    lab.run(seconds=1)
    assert (ike_sa.ipsec_sas_created, ike_sa.ipsec_sas_deleted) == (4, 2)
    (theirs,) = lab.near.ike_sas.values()
    assert (theirs.ipsec_sas_created, theirs.ipsec_sas_deleted) == (4, 2)


@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.3),
    duplication=st.floats(0, 0.5),
    jitter_us=st.integers(0, 500_000),
    near_initiates=st.booleans(),
    deeds=st.lists(st.sampled_from(["clear ike", "clear ipsec", "peer clears ike", "peer clears ipsec"]), max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_when_the_path_is_well_again_both_ends_have_one_pair_and_it_is_the_same(
    seed: int, loss: float, duplication: float, jitter_us: int, near_initiates: bool, deeds: list[str]
) -> None:
    lab = Lab(device_config(policy(NEAR)), seed=seed, near_initiates=near_initiates)
    lab.set_link(NEAR, LinkProfile(loss=loss, duplication=duplication, jitter_us=jitter_us))
    lab.start(seconds=20)
    for deed in deeds:
        gateway = lab.near if deed.startswith("peer") else lab.device
        if deed.endswith("ike"):
            gateway.clear_ike_sas()
        else:
            gateway.clear_ipsec_sas()
        lab.run(seconds=7)
    lab.run(seconds=200)
    lab.set_link(NEAR, LinkProfile())
    # A lost delete leaves a pair at one end until the next rekey: two of them are sure to have been.
    lab.run(seconds=2 * 28_800)
    assert len(lab.association().pairs) == 1
    assert is_mirrored(lab)
    assert len(lab.matured) == lab.near.established == 1
    assert lab.device.sad.reserved == lab.near.sad.reserved == 0
