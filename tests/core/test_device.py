"""The gateway as everything above it sees it."""

import pytest

from agent.core.identifiers import Address, Endpoint
from agent.core.link import LinkProfile
from tests.support.devices import FAR, LOCAL, NEAR, Lab, device_config
from tests.support.gateways import ALICE, policy


def test_nothing_happens_before_the_start() -> None:
    lab = Lab().run(seconds=100)
    assert lab.sas == []
    assert lab.events == []


def test_the_device_shows_what_it_is_configured_with() -> None:
    lab = Lab()
    assert lab.device.name == "r1"
    assert lab.device.config.addresses == (LOCAL,)
    assert list(lab.device.peers) == [NEAR, FAR]


def test_statistics_and_ike_sas_cannot_be_changed_from_outside() -> None:
    lab = Lab().start()
    with pytest.raises(TypeError):
        lab.device.ike_sas[1] = None  # type: ignore[index]
    statistics = lab.device.ike_statistics
    with pytest.raises(TypeError):
        statistics.dropped[next(iter(statistics.dropped))] = 1  # type: ignore[index]


def test_a_new_address_is_heard_on_and_an_old_one_is_silent() -> None:
    lab = Lab().start()
    lab.device.reconfigure(device_config(policy(NEAR), policy(FAR), tunnels=(), addresses=(ALICE,)))
    lab.run(seconds=1)
    assert lab.sas == []
    before = lab.network.undeliverable
    lab.near.clear_ike_sas()
    for address in (LOCAL, ALICE):
        lab.network.send(_port(NEAR), _port(address), b"octets")
    lab.run(seconds=1)
    assert lab.network.undeliverable == before + 1
    assert sum(lab.device.ike_statistics.dropped.values()) == 1


def test_an_address_of_somebody_else_is_refused_and_nothing_changes() -> None:
    lab = Lab()
    before = lab.device.config
    with pytest.raises(ValueError, match=r"4\.4\.4\.4"):
        lab.device.reconfigure(device_config(addresses=(LOCAL, ALICE, NEAR)))
    assert lab.device.config == before
    assert not lab.network.is_attached(ALICE)


def test_a_day_of_the_same_seed_is_the_same_day() -> None:
    def day(seed: int) -> list[object]:
        lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR)), seed=seed)
        lab.network.set_profile(NEAR, LOCAL, LinkProfile(loss=0.3, duplication=0.1, jitter_us=100_000))
        lab.start(seconds=86_400)
        return list(lab.events)

    assert day(1) == day(1)
    assert day(1) != day(2)


def test_a_day_leaves_no_more_timers_than_an_hour() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start(seconds=3600)
    after_an_hour = lab.world.scheduled
    lab.run(seconds=86_400)
    assert lab.world.scheduled <= after_an_hour + 10
    assert len(lab.sas) == 2


def _port(address: Address) -> Endpoint:
    return Endpoint(address, 500)


def test_the_interfaces_are_those_that_are_configured() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR)))
    assert list(lab.device.interfaces) == ["es-1/3/0"]
    assert list(lab.device.interfaces["es-1/3/0"].units) == [0, 1]
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=()))
    assert lab.device.interfaces == {}


def test_the_source_of_a_tunnel_is_an_address_of_the_device() -> None:
    lab = Lab(device_config(policy(NEAR), addresses=())).start()
    assert lab.network.is_attached(LOCAL)
    assert len(lab.matured) == 1
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=(), addresses=()))
    assert not lab.network.is_attached(LOCAL)


def test_the_peer_is_told_before_the_address_that_it_knows_goes() -> None:
    lab = Lab(device_config(policy(NEAR), addresses=())).start()
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=(), addresses=()))
    lab.run(seconds=1)
    assert lab.near.ike_sas == {}
    assert lab.near.sad.installed == 0


def test_a_check_changes_nothing_and_says_what_is_wrong() -> None:
    lab = Lab().start()
    before = lab.device.config
    lab.device.check(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR)))
    with pytest.raises(ValueError, match="no IKE policy"):
        lab.device.check(device_config(policy(NEAR), tunnels=(FAR,)))
    with pytest.raises(ValueError, match=r"somebody else has 4\.4\.4\.4"):
        lab.device.check(device_config(policy(NEAR), addresses=(NEAR,)))
    assert lab.device.config is before
    assert len(lab.matured) == 1


def test_security_associations_cannot_be_changed_from_outside() -> None:
    lab = Lab().start()
    with pytest.raises(TypeError):
        lab.device.security_associations["x"] = lab.association()  # type: ignore[index]
    with pytest.raises(TypeError):
        lab.association().sas[next(iter(lab.association().sas))] = None  # type: ignore[index]
